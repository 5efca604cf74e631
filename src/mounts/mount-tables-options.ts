import type { HostPath } from "../kernel/host-path.js";
import type { MountTable } from "./mount-table.js";

export interface MountTablesOptions {
  readonly host: HostPath;
  /** How to read where both ways work; `auto` takes mountinfo unless that is, or has shown to be, slow. */
  readonly via?: MountTable["via"] | "auto";
  /** How many mounts are kept of one namespace. */
  readonly mountsPerTable?: number;
  /** How many mounts are kept in all; small tables may make it twice as many. */
  readonly mounts?: number;
  /** About how many mounts are read at once, the rest being left to MountTables.resume(). */
  readonly mountsPerRefresh?: number;
  /** How many tables that are proven unchanged are read in each refresh all the same, in turn. */
  readonly rechecks?: number;
  /** Milliseconds that pass. */
  readonly now?: () => number;
}

/** 250,000 mounts are about 50 MiB. */
export const DEFAULTS: Required<Omit<MountTablesOptions, "host">> = {
  via: "auto",
  mountsPerTable: 16_384,
  mounts: 250_000,
  mountsPerRefresh: Number.POSITIVE_INFINITY,
  rechecks: 4,
  now: () => performance.now(),
};

/** More than a container has that nobody filled up. */
const SMALL = 256;

/**
 * How many mounts of a table may be kept where `kept` are those of all others and `bound` is the option `mounts`. Whoever
 * fills it up leaves room for small tables. One is kept at least, so that there is a table that says that
 * it is not all.
 */
export function roomFor(kept: number, bound: number): number {
  return Math.max(1, bound - kept, Math.min(SMALL, 2 * bound - kept));
}
