import type { MountNs, MountTable, TableChange } from "./mount-table.js";

/** A mount table, and what decides when and how it is read next. */
export interface TrackedTable {
  /** The namespace as it was named last. */
  of: MountNs;
  table: MountTable;
  /** To be read again whatever the kernel's counter says. */
  stale: boolean;
  /** The refresh in which it was read last, 0 for none; when that was, and how long it took, in milliseconds. */
  readonly read: number;
  readonly readAt: number;
  readonly took: number;
  /** What a mount of it took to read last by either way, in milliseconds. */
  readonly cost: { mountinfo: number | null; statmount: number | null };
  /** What a reading found that no event explains so far. */
  unexplained: TableChange | null;
}

export function neverRead(): Pick<TrackedTable, "read" | "readAt" | "took" | "cost"> {
  return { read: 0, readAt: Number.NEGATIVE_INFINITY, took: 0, cost: { mountinfo: null, statmount: null } };
}

/** Of the time, a table may take so much when it changes all the time. */
const SHARE = 0.05;

/** Whether it was read so shortly before that reading it takes too much of the time. */
export function wasJustRead({ readAt, took }: TrackedTable, now: number): boolean {
  return (now - readAt) * SHARE < took;
}

/** Whether the kernel's counter shows that the table has not changed since it was read. */
export function isProven({ of, stale, table }: TrackedTable, ns: MountNs): boolean {
  if (stale || ns.event === null || ns.id === null) return false;
  // a table that was seen from a bad place may be seen from a better one now
  return of.event === ns.event && (table.complete || equal(of.pids, ns.pids));
}

/**
 * Mountinfo is quadratic where many mounts receive events from a large peer group (get_dominating_id() of fs/pnode.c
 * walks it for each of them). Where so many receive, and a mount takes so many milliseconds, statmount(2) is tried.
 */
const RECEIVERS = 64;
const SLOW = 0.02;

/** Whether reading it by statmount(2) is, or may be, cheaper. */
export function isSlowByMountinfo({ table, cost: { mountinfo, statmount } }: TrackedTable): boolean {
  if (mountinfo === null || mountinfo < SLOW || (statmount ?? 0) > mountinfo) return false;
  return table.mounts.filter(({ propagation }) => propagation.master !== undefined).length >= RECEIVERS;
}

function equal(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((pid, at) => pid === b[at]);
}
