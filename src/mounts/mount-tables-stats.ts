import type { TableChange } from "./mount-table.js";

/** Counters since the first refresh, but for the first three, which are of now. */
export interface MountTablesStats {
  readonly tables: number;
  readonly mounts: number;
  readonly incomplete: number;
  /** Tables read, by how. */
  readonly mountinfo: number;
  readonly statmount: number;
  /** Tables not read, since the kernel's counter proved them unchanged. */
  readonly unchanged: number;
  /** Tables that were left to be read later. */
  readonly deferred: number;
  /** Of those unchanged, tables that were read in turn. */
  readonly rechecked: number;
  /** What was different in these: what the kernel does not count as a change and no event told. */
  readonly found: Readonly<Record<TableChange, number>>;
  /** How long the last refresh took. */
  readonly lastSeconds: number;
}
