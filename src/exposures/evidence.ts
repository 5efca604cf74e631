import type { Evidence } from "../event.js";
import type { Mount } from "../kernel/mountinfo.js";
import { pointOf } from "../mounts/pseudo-view.js";
import type { ContainerProcfs, ContainerView } from "./container-view.js";

/**
 * What a mount table says about `view`, with the command that shows the line. The command holds numbers only:
 * a mount point is a name that the container chose, and must not get into somebody's shell.
 */
export function mountEvidence(container: ContainerView, view: ContainerProcfs): Evidence {
  const { mount } = view;
  const what = view.root === "/" ? "procfs" : `${view.root} of procfs`;
  return {
    fact: `${what} (device ${mount.dev}) is mounted ${view.readonly ? "read-only" : "writable"} at ${view.point}`,
    check: mountLine(container, mount),
  };
}

/** The command that shows the line of `mount` in the container's mount table. */
export function mountLine({ task }: ContainerView, { id }: Mount): string {
  return `grep '^${id} ' /proc/${task.pid}/mountinfo`;
}

/** Who the container's root is. */
export function userEvidence(container: ContainerView): Evidence {
  return {
    fact: container.realRoot
      ? "the container's user namespace maps the host's root: file modes do not keep it out"
      : "the container's user namespace does not map the host's root",
    check: `cat /proc/${container.task.pid}/uid_map`,
  };
}

/** A finding has this many pieces of evidence; a container can mount procfs any number of times. */
const MAX_EVIDENCE = 16;

/** `evidence` as a finding has it: of what is too much, the last piece says how many more there were. */
export function boundedEvidence(evidence: readonly Evidence[]): readonly Evidence[] {
  if (evidence.length <= MAX_EVIDENCE) return evidence;
  const named = evidence.slice(0, MAX_EVIDENCE - 1);
  return [...named, { fact: `and ${evidence.length - named.length} more facts like these` }];
}

/** How many places a list in a sentence names. */
const NAMED = 12;

/** The places in the container of `paths` of the filesystem, as a list in a sentence. */
export function placesOf(view: ContainerProcfs, paths: readonly string[]): string {
  return listOf(paths.map((path) => pointOf(view, path)));
}

/** `a, b, c and 4 more`. */
export function listOf(names: readonly string[]): string {
  const named = names.slice(0, NAMED).join(", ");
  return names.length > NAMED ? `${named} and ${names.length - NAMED} more` : named;
}

/** `/keys` for `/proc/keys`: the path within its filesystem of a path as the runtimes' lists write it. */
export function withinProc(path: string): string {
  return path.slice("/proc".length);
}
