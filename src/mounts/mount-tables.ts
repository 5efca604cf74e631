import { leftGroups, type MountNs, type MountTable, type TableChange, tableChange } from "./mount-table.js";
import { DEFAULTS, type MountTablesOptions, roomFor } from "./mount-tables-options.js";
import type { MountTablesStats } from "./mount-tables-stats.js";
import { TableReader } from "./table-reader.js";
import { isProven, isSlowByMountinfo, neverRead, type TrackedTable, wasJustRead } from "./tracked-table.js";

export type { MountNs, MountTable, TableChange } from "./mount-table.js";
export type { MountTablesStats } from "./mount-tables-stats.js";

/**
 * The mount table of every mount namespace, read again when it may have changed.
 *
 * The kernel counts changes in `mnt_namespace.event`: mounts that come, go or move, and their attributes. It does not
 * count a change of propagation by mount(2), nor what changes elsewhere and shows here as well: the options of a
 * superblock, the peer group that a mount receives from, the names of directories above a mount point or a root. For
 * these {@link touch} and {@link touchSuperblock} are told of events; groups that end are looked for in all tables;
 * and a few tables are read in turn whatever was counted, which tells renames.
 *
 * poll(2) on open mountinfo files would tell the same without BPF, but an open one holds its namespace with all
 * mounts in it: containers would not go away. Without the counter everything is read each time.
 */
export class MountTables {
  readonly #reader: TableReader;
  readonly #options: typeof DEFAULTS;
  readonly #entries = new Map<number, TrackedTable>();
  readonly #found: Record<TableChange, number> = {
    mounts: 0,
    paths: 0,
    attributes: 0,
    propagation: 0,
    superblock: 0,
  };
  readonly #count = { mountinfo: 0, statmount: 0, unchanged: 0, deferred: 0, rechecked: 0 };
  #changed = new Set<number>();
  /** What is left to be read of the last refresh, or was touched since. */
  readonly #pending = new Map<number, MountNs>();
  /** Peer groups that mounts have left. */
  #left = new Set<number>();
  #refreshes = 0;
  #budget = 0;
  #mounts = 0;
  #lastSeconds = 0;

  constructor({ host, ...options }: MountTablesOptions) {
    this.#reader = new TableReader(host);
    this.#options = { ...DEFAULTS, ...options };
  }

  /** The table of a namespace as it was read last. */
  get(ns: number): MountTable | undefined {
    return this.#entries.get(ns)?.table;
  }

  /** The table of a namespace, read again first if it was touched since. */
  current(ns: number): MountTable | undefined {
    const entry = this.#entries.get(ns);
    if (entry?.stale === true) this.#read(entry.of, entry);
    return this.get(ns);
  }

  *all(): Generator<MountTable> {
    for (const { table } of this.#entries.values()) yield table;
  }

  /** Something changed in the table of `ns` that the kernel's counter may not show: it is to be read again. */
  touch(ns: number): void {
    const entry = this.#entries.get(ns);
    if (entry === undefined) return;
    entry.stale = true;
    this.#pending.set(ns, entry.of);
  }

  touchAll(): void {
    for (const ns of this.#entries.keys()) this.touch(ns);
  }

  /** The options of superblock `dev` (`major:minor`) changed, which all tables show that have a mount of it. */
  touchSuperblock(dev: string): void {
    for (const [ns, { table }] of this.#entries) {
      if (table.mounts.some((mount) => mount.dev === dev)) this.touch(ns);
    }
  }

  /**
   * Brings the tables in line with the mount namespaces of the node, all of them; those that are not named are
   * forgotten. Returns the namespaces whose table is new, another one, or gone.
   */
  refresh(namespaces: Iterable<MountNs>): ReadonlySet<number> {
    const began = this.#options.now();
    this.#budget = this.#options.mountsPerRefresh;
    this.#refreshes++;
    this.#pending.clear();
    const named = new Set<number>();
    const due: { readonly ns: MountNs; readonly entry: TrackedTable | undefined }[] = [];
    for (const ns of namespaces) {
      named.add(ns.ns);
      const entry = this.#entryOf(ns);
      if (entry !== undefined && isProven(entry, ns)) {
        entry.of = ns;
        this.#count.unchanged++;
        if (entry.unexplained !== null) this.#found[entry.unexplained]++;
        entry.unexplained = null;
      } else due.push({ ns, entry });
    }
    for (const ns of this.#entries.keys()) if (!named.has(ns)) this.#forget(ns);
    this.#reader.begin(due.length);
    // what has waited longest comes first, and nothing has waited longer than what was never read
    due.sort((a, b) => (a.entry?.read ?? 0) - (b.entry?.read ?? 0));
    for (const { ns, entry } of due) this.#readOrDefer(ns, entry);
    this.#readReceivers(began);
    this.#recheck();
    this.#lastSeconds = (this.#options.now() - began) / 1000;
    return this.#taken();
  }

  /** How many tables are to be read: what the last refresh has left, and what was touched since. */
  get pending(): number {
    return this.#pending.size;
  }

  /**
   * Reads what is pending. What takes long is not read so soon again but by the next refresh, since a container can
   * change its table all the time. Returns the namespaces whose table is another one than before.
   */
  resume(): ReadonlySet<number> {
    const began = this.#options.now();
    this.#budget = this.#options.mountsPerRefresh;
    this.#reader.begin(this.#pending.size);
    for (const [ns, namespace] of this.#pending) {
      if (this.#budget <= 0) break;
      this.#pending.delete(ns);
      const entry = this.#entries.get(ns);
      if (entry === undefined || !wasJustRead(entry, this.#options.now())) this.#read(namespace, entry);
    }
    this.#readReceivers(began);
    return this.#taken();
  }

  #taken(): ReadonlySet<number> {
    const changed = this.#changed;
    this.#changed = new Set();
    return changed;
  }

  get stats(): MountTablesStats {
    let incomplete = 0;
    for (const { table } of this.#entries.values()) if (!table.complete) incomplete++;
    return {
      tables: this.#entries.size,
      mounts: this.#mounts,
      incomplete,
      ...this.#count,
      found: { ...this.#found },
      lastSeconds: this.#lastSeconds,
    };
  }

  /** What is known of the namespace, if it is the same one and not another with its inode number. */
  #entryOf(ns: MountNs): TrackedTable | undefined {
    const entry = this.#entries.get(ns.ns);
    if (entry === undefined || entry.of.id === ns.id) return entry;
    this.#forget(ns.ns);
    return undefined;
  }

  #readOrDefer(ns: MountNs, entry: TrackedTable | undefined): void {
    if (this.#budget > 0) {
      this.#read(ns, entry);
      return;
    }
    this.#count.deferred++;
    this.#pending.set(ns.ns, ns);
    // without the kernel's counter it is likely to be what it was
    if (entry !== undefined && ns.event === null && !entry.stale) return;
    const table = entry?.table ?? { ns: ns.ns, id: ns.id, mounts: [], via: "mountinfo" as const };
    const waiting = { ...table, complete: false, reason: "it may have changed and waits to be read" };
    const { read, cost, readAt, took } = entry ?? neverRead();
    const unexplained = null;
    this.#entries.set(ns.ns, { of: ns, table: waiting, stale: true, read, readAt, took, cost, unexplained });
    this.#changed.add(ns.ns);
  }

  /** Returns what was different; null when nothing was, or the namespace is gone. */
  #read(ns: MountNs, entry: TrackedTable | undefined): TableChange | null {
    const { mountsPerTable, mounts, via: wanted } = this.#options;
    const old = entry?.table;
    const limit = Math.min(mountsPerTable, roomFor(this.#mounts - (old?.mounts.length ?? 0), mounts));
    const via = wanted === "auto" && entry !== undefined ? this.#bestVia(entry) : wanted;
    const reading = this.#reader.read(ns, via, limit);
    if (reading === null) {
      this.#forget(ns.ns);
      return null;
    }
    const { table, took, unsettled } = reading;
    this.#count[table.via]++;
    this.#budget -= table.mounts.length;
    const change = old === undefined ? "mounts" : tableChange(old, table);
    const same = change === null && old?.reason === table.reason && old.via === table.via;
    const { cost } = entry ?? neverRead();
    cost[table.via] = took / Math.max(1, table.mounts.length);
    this.#pending.delete(ns.ns);
    this.#entries.set(ns.ns, {
      of: ns,
      table: same ? old : table,
      stale: unsettled,
      read: this.#refreshes,
      readAt: this.#options.now(),
      took,
      cost,
      unexplained: null,
    });
    if (same) return null;
    this.#mounts += table.mounts.length - (old?.mounts.length ?? 0);
    this.#changed.add(ns.ns);
    if (old !== undefined) for (const group of leftGroups(old, table)) this.#left.add(group);
    return change;
  }

  #bestVia(entry: TrackedTable): "auto" | "statmount" {
    return this.#reader.hasStatmount && isSlowByMountinfo(entry) ? "statmount" : "auto";
  }

  /** What received from a peer group that is no more receives from another one, or from none: unless it was read since. */
  #readReceivers(began: number): void {
    const ended = this.#left;
    this.#left = new Set();
    if (ended.size === 0) return;
    for (const { mounts } of this.all()) {
      for (const { propagation } of mounts) if (propagation.shared) ended.delete(propagation.shared);
    }
    if (ended.size === 0) return;
    for (const entry of [...this.#entries.values()]) {
      if (entry.readAt >= began) continue;
      if (entry.table.mounts.some(({ propagation }) => ended.has(propagation.master ?? 0))) {
        this.#readOrDefer(entry.of, entry);
      }
    }
  }

  #recheck(): void {
    const waiting = [...this.#entries.values()].filter(({ read }) => read !== this.#refreshes);
    waiting.sort((a, b) => a.read - b.read);
    for (const entry of waiting.slice(0, this.#options.rechecks)) {
      if (this.#budget <= 0) return;
      this.#count.rechecked++;
      const change = this.#read(entry.of, entry);
      // the kernel may have counted it since its counter was read: the next refresh shows
      const read = this.#entries.get(entry.of.ns);
      if (change !== null && read !== undefined) read.unexplained = change;
    }
  }

  #forget(ns: number): void {
    const entry = this.#entries.get(ns);
    if (entry === undefined) return;
    for (const group of leftGroups(entry.table, null)) this.#left.add(group);
    this.#mounts -= entry.table.mounts.length;
    this.#entries.delete(ns);
    this.#pending.delete(ns);
    this.#changed.add(ns);
  }
}
