import type { Mount, Propagation } from "../kernel/mountinfo.js";

/** What one mount namespace holds. The same object as long as nothing in it changed. */
export interface MountTable {
  /** Inode number of the namespace. */
  readonly ns: number;
  /** See {@link MountNs.id}. */
  readonly id: string | null;
  /** By ascending unique id since Linux 6.8, else in the order of mounting. */
  readonly mounts: readonly Mount[];
  /** Whether it has every mount that a path of the namespace leads to, as of one moment. */
  readonly complete: boolean;
  /** Why it is not complete; null where it is. */
  readonly reason: string | null;
  readonly via: "mountinfo" | "statmount";
}

/** A mount namespace to be looked at. */
export interface MountNs {
  /** Its inode number. */
  readonly ns: number;
  /** The id that is never reused (mnt_namespace.seq or ns_id), decimal; null where it is not known. */
  readonly id: string | null;
  /** Processes that are in it. */
  readonly pids: readonly number[];
  /**
   * mnt_namespace.event, the kernel's own counter of changes, as it was before the table is read; null without BPF.
   */
  readonly event: bigint | null;
}

/** What differs between two readings of a table. */
export type TableChange = "mounts" | "paths" | "attributes" | "propagation" | "superblock";

/**
 * What differs first in two tables of one namespace; null where nothing does. `mounts`: some came, went or moved;
 * `paths`: a directory was renamed or deleted that a mount shows or is below of; `attributes`: those of a mount;
 * `superblock`: options that all mounts of a superblock share.
 */
export function tableChange(old: MountTable, now: MountTable): TableChange | null {
  if (old.mounts.length !== now.mounts.length) return "mounts";
  const sameReader = old.via === now.via;
  const found = new Set<TableChange>();
  for (let at = 0; at < now.mounts.length; at++) {
    const [a, b] = [old.mounts[at]!, now.mounts[at]!];
    if (!sameMount(a, b)) return "mounts";
    if (a.root !== b.root || a.point !== b.point || a.deleted !== b.deleted) found.add("paths");
    else if (!equal(a.options, b.options) || a.idmap?.uid.length !== b.idmap?.uid.length)
      found.add("attributes");
    else if (!samePropagation(a.propagation, b.propagation, sameReader)) found.add("propagation");
    else if (!equal(a.superOptions, b.superOptions) || a.source !== b.source) found.add("superblock");
  }
  for (const change of CHANGES) if (found.has(change)) return change;
  return null;
}

const CHANGES: readonly TableChange[] = ["mounts", "paths", "attributes", "propagation", "superblock"];

function sameMount(a: Mount, b: Mount): boolean {
  if (a.uniqueId !== undefined && b.uniqueId !== undefined && a.uniqueId !== b.uniqueId) return false;
  return a.id === b.id && a.parent === b.parent && a.dev === b.dev && a.fsType === b.fsType;
}

function samePropagation(a: Propagation, b: Propagation, sameReader: boolean): boolean {
  if (a === b) return true;
  if (a.shared !== b.shared || a.master !== b.master || a.unbindable !== b.unbindable) return false;
  return !sameReader || a.propagateFrom === b.propagateFrom;
}

function equal(a: readonly string[], b: readonly string[]): boolean {
  return a === b || (a.length === b.length && a.every((word, at) => word === b[at]));
}

/** The peer groups that `old` has a mount in and `now` has not, or not at the same mount. */
export function leftGroups(old: MountTable, now: MountTable | null): Set<number> {
  const left = new Set<number>();
  const shared = old.mounts.filter(({ propagation }) => propagation.shared !== undefined);
  if (shared.length === 0) return left;
  const kept = new Map(now?.mounts.map(({ id, propagation }) => [id, propagation.shared]));
  for (const { id, propagation } of shared) {
    if (kept.get(id) !== propagation.shared) left.add(propagation.shared!);
  }
  return left;
}
