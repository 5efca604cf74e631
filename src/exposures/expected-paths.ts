import type { Evidence } from "../event.js";
import { MASK_FLOOR, READONLY_FLOOR } from "../mounts/mask-lists.js";
import type { ContainerView } from "./container-view.js";

/** A path of procfs or sysfs that a container should have masked or read-only. */
export interface ExpectedPath {
  /** As the lists of runtimes write it: `/proc/keys`. */
  readonly path: string;
  /** Within its file system: `/keys`. */
  readonly within: string;
  readonly fs: "proc" | "sysfs";
  /** Whether the runtime was told to; null where that is not known and the lists of all runtimes are all there is. */
  readonly asked: boolean | null;
}

/** Several rules ask of each look at a container. */
const masks = new WeakMap<ContainerView, readonly ExpectedPath[]>();

/** The paths that this container should have masked: what every runtime masks, and what its own was told to. */
export function expectedMasks(container: ContainerView): readonly ExpectedPath[] {
  let paths = masks.get(container);
  if (paths === undefined) {
    paths = expected(MASK_FLOOR, container.spec?.masked ?? null, container.existing);
    masks.set(container, paths);
  }
  return paths;
}

/** … and read-only. */
export function expectedReadonly({ spec, existing }: ContainerView): ExpectedPath[] {
  return expected(READONLY_FLOOR, spec?.readonly ?? null, existing);
}

function expected(
  floor: readonly string[],
  told: readonly string[] | null,
  existing: ContainerView["existing"],
): ExpectedPath[] {
  const paths = [...new Set([...floor, ...(told ?? [])])].filter((path) => existing.has(path));
  return paths.map((path) => {
    const fs = path.startsWith("/sys/") ? "sysfs" : "proc";
    const within = path.slice(fs === "sysfs" ? "/sys".length : "/proc".length);
    return { path, within, fs, asked: told === null ? null : told.includes(path) };
  });
}

/** Why something counts as expected: what the runtime was told, or what every runtime does. */
export function expectationEvidence({ spec, task }: ContainerView, asked: boolean | null): Evidence {
  if (spec === null || asked === null) {
    return {
      fact: "its runtime's specification was not found: this is judged by what every runtime does by default",
      // the container's id, by which it was looked for
      check: `cat /proc/${task.pid}/cgroup`,
    };
  }
  return {
    fact: asked
      ? `its runtime was told to (${spec.file}): it did not, or it was undone since`
      : `its runtime was not told to (${spec.file}): the specification leaves it out`,
    ...(PLAIN_PATH.test(spec.file) && { check: `tr -d '\\n' <${spec.file} | grep -oE '${PATH_LISTS}'` }),
  };
}

/** Nothing in it means anything to a shell. */
const PLAIN_PATH = /^\/[\w./:@+-]+$/;
/** The lists of a config.json, and those of a state.json of runc, as grep -E has it. */
const PATH_LISTS = '"(maskedPaths|readonlyPaths|mask_paths|readonly_paths)": *\\[[^]]*\\]';
