import type { HostPath } from "../kernel/host-path.js";
import { type Mount, readMountinfo } from "../kernel/mountinfo.js";
import { HostMasks } from "../mounts/host-masks.js";
import { existingPaths, kindOf, type PathKind } from "../mounts/mask-lists.js";
import type { MaskOracle } from "../mounts/masks.js";
import { RuntimeSpecs, type SpecSource } from "../workloads/runtime-specs.js";
import { readUnknownEntries, type UnknownEntries } from "./unknown-entries.js";

/** What the posture rules have to know of the node, and where it is asked for when a container gives cause. */
export interface NodeFacts {
  /** The masked and read-only paths of all runtimes that this kernel has. */
  readonly existing: ReadonlyMap<string, PathKind>;
  /** The same for any other path of procfs or sysfs; null where the kernel does not have it. */
  kindOf(path: string): PathKind | null;
  readonly specs: SpecSource;
  readonly masks: MaskOracle;
  /** What of this kernel's procfs nobody knows. Read once. */
  unknown(): UnknownEntries;
  /** The host's mount table as it is now; null where it cannot be read. */
  mounts(): readonly Mount[] | null;
}

/** Paths that are remembered beside those of the lists: a specification can name any number. */
const CAPACITY = 4096;

/** Reads what does not change while the node runs. */
export function readNodeFacts(host: HostPath): NodeFacts {
  const existing = existingPaths(host);
  const others = new Map<string, PathKind | null>();
  let unknown: UnknownEntries | null = null;
  return {
    existing,
    kindOf(path) {
      let kind = existing.get(path) ?? others.get(path);
      if (kind === undefined) {
        kind = kindOf(host, path);
        if (others.size < CAPACITY) others.set(path, kind);
      }
      return kind;
    },
    specs: new RuntimeSpecs(host),
    masks: new HostMasks(host),
    unknown() {
      unknown ??= readUnknownEntries(host);
      return unknown;
    },
    mounts: () => readMountinfo(host, 1),
  };
}
