import type { HostPath } from "../kernel/host-path.js";
import { readlink, type SysResult } from "../kernel/libc.js";
import { MountWords } from "../kernel/mount-words.js";
import { type Mount, type MountinfoReading, readMountinfoOnce } from "../kernel/mountinfo.js";
import { listMountNamespaces, mountNamespaceInfo, readNamespaceLink, withNamespace } from "../kernel/nsfs.js";
import { STATMOUNT_SB_SOURCE, statmountMask } from "../kernel/statmount.js";
import { addIdmaps, isTableOf, listVisibleIds, readStatmountTable } from "../kernel/statmount-table.js";
import { isOnHiddenRoot, missingMounts, reasonOfMissing } from "./missing-mounts.js";
import type { MountNs, MountTable } from "./mount-table.js";

/** How often a table is read that changes meanwhile. */
const ATTEMPTS = 3;
/** A table is read again only if that is cheap: who changes a large one all the time would be read all the time. */
const LARGE = 4096;
/** Of how many processes of a namespace the root is looked at, and how many of them are read. */
const CANDIDATES = 16;
const READ = 3;
/** For so many tables it is cheaper to walk over all mount namespaces than to open each. */
const WALK = 8;

/** A table that was just read, and what reading it took. */
export interface TableReading {
  readonly table: MountTable;
  /** Whether it changed each time while it was read, so that the next reading may be better. */
  readonly unsettled: boolean;
  /** Milliseconds. */
  readonly took: number;
}

interface Viewer {
  readonly pid: number;
  /** Whether its root is the namespace's; null where that was not or cannot be asked. */
  readonly fromRoot: boolean | null;
}

/**
 * Reads the mount table of one namespace: from the mountinfo of a process whose root is the namespace's root, or by
 * statmount(2) with the namespace's id, which nobody needs to be in it for. What the kernel counts in the namespace
 * (NS_MNT_GET_INFO, Linux 6.12) decides whether a table is complete. No path in a container is touched: reading the
 * link /proc/PID/root is only a walk up the kernel's directory cache.
 */
export class TableReader {
  readonly #host: HostPath;
  readonly #words = new MountWords();
  #walks = false;
  /** By namespace id: how many mounts the kernel counts in each. */
  #counts: ReadonlyMap<bigint, number> | null = null;

  constructor(host: HostPath) {
    this.#host = host;
  }

  /** Whether statmount(2) tells all that mountinfo does (Linux 6.13). */
  get hasStatmount(): boolean {
    return (statmountMask() & STATMOUNT_SB_SOURCE) !== 0;
  }

  /** About `tables` will be read: forgets what was read of the node as a whole. */
  begin(tables: number): void {
    this.#walks = tables >= WALK;
    this.#counts = null;
  }

  /**
   * Reads at most `limit` mounts of `ns`, first by `via`; null when the namespace is gone, or nobody is in it. `auto` is
   * mountinfo, but for a large table, where that can take seconds (see {@link MountTables}).
   */
  read(ns: MountNs, via: MountTable["via"] | "auto", limit: number): TableReading | null {
    const count = this.#count(ns);
    const ways = [() => this.#byMountinfo(ns, count, limit), () => this.#byStatmount(ns, count, limit)];
    const large = count !== null && count > LARGE && this.hasStatmount;
    if (via === "statmount" || ns.pids.length === 0 || (via === "auto" && large)) ways.reverse();
    let best: TableReading | null = null;
    for (const way of ways) {
      best = better(best, way());
      // a namespace that has more than is kept of it is not read twice
      if (best !== null && (best.table.complete || best.unsettled || best.table.mounts.length >= limit))
        break;
    }
    return best;
  }

  #byMountinfo(ns: MountNs, count: number | null, limit: number): TableReading | null {
    const id = ns.id === null || statmountMask() === 0 ? null : BigInt(ns.id);
    const listIds = (lines: number) => (id === null ? null : listVisibleIds(id, lines));
    let best: TableReading | null = null;
    let reads = 0;
    for (const { pid, fromRoot } of this.#viewers(ns.pids, count !== null)) {
      const began = performance.now();
      const readOnce = (ids: typeof listIds) => readMountinfoOnce(this.#host, pid, this.#words, limit, ids);
      let reading = settled(() => readOnce(listIds));
      const proven = id !== null && reading.ok && isTableOf(id, reading.value.mounts);
      // ids of another table, or of this one a moment later
      if (!proven && reading.ok && reading.value.mounts[0]?.uniqueId !== undefined)
        reading = readOnce(() => null);
      if (!reading.ok && !GONE.has(reading.errno)) {
        best ??= this.#unread(ns, "mountinfo", `process ${pid}'s mountinfo: ${reading.errno}`);
      }
      if (!reading.ok || reading.value.mounts.length === 0) continue;
      const took = performance.now() - began;
      const { mounts, changed, cut } = reading.value;
      if (!proven && !this.#isIn(pid, ns)) continue;
      if (proven) addIdmaps(id, mounts, this.#words);
      const missing = this.#missing(ns, mounts, count, () => (proven && isOnHiddenRoot(mounts) ? 1 : 0));
      const unsettled = !cut && (changed || (missing !== null && missing < 0));
      const reason = cut ? tooMany(limit) : unsettled ? CHANGED : reasonOfMissing(mounts, missing, fromRoot);
      // of two that show as much the later one was looked at more closely
      best = better({ table: this.#table(ns, mounts, "mountinfo", reason), unsettled, took }, best);
      if (reason === null || fromRoot === true || ++reads === READ) break;
    }
    return best;
  }

  #byStatmount(ns: MountNs, count: number | null, limit: number): TableReading | null {
    if (ns.id === null || statmountMask() === 0) {
      // where somebody is in it, it can be read all the same
      const reason = "no process is in it, and this kernel's statmount(2) cannot be asked for it";
      return ns.pids.length > 0 ? null : this.#unread(ns, "statmount", reason);
    }
    const id = BigInt(ns.id);
    const began = performance.now();
    const reading = settled(() => readStatmountTable(id, this.#words, limit));
    if (!reading.ok && reading.errno !== "ENOENT") {
      return this.#unread(ns, "statmount", `statmount(2): ${reading.errno}`);
    }
    if (!reading.ok || reading.value.mounts.length === 0) return null;
    const took = performance.now() - began;
    const { mounts, changed, cut, hidden } = reading.value;
    const missing = this.#missing(ns, mounts, count, () => hidden);
    const unsettled = !cut && (changed || (missing !== null && missing < 0));
    let reason = cut ? tooMany(limit) : unsettled ? CHANGED : reasonOfMissing(mounts, missing, true);
    if (!this.hasStatmount) reason ??= "this kernel's statmount(2) does not tell the sources";
    return { table: this.#table(ns, mounts, "statmount", reason), unsettled, took };
  }

  /**
   * How many mounts are missing of which up to `hidden` may be, since no path leads to them; null where the kernel does
   * not count.
   */
  #missing(ns: MountNs, mounts: readonly Mount[], count: number | null, hidden: () => number): number | null {
    if (count === null) return null;
    const missing = missingMounts(mounts, count);
    if (missing === 0) return 0;
    const may = hidden();
    if (missing > 0 && missing <= may) return 0;
    // it was counted before it was read
    this.#counts = null;
    const again = missingMounts(mounts, this.#count(ns) ?? count);
    return again >= 0 && again <= may ? 0 : again;
  }

  /** The processes to read from: any at first if a count shows whether it sees all, then those with the right root. */
  *#viewers(pids: readonly number[], counted: boolean): Generator<Viewer> {
    const [any] = pids;
    if (counted && any !== undefined) yield { pid: any, fromRoot: null };
    const others: Viewer[] = [];
    for (const pid of pids.slice(0, CANDIDATES)) {
      const link = readlink(this.#host.proc(pid, "root"));
      if (link.ok && link.value === "/") yield { pid, fromRoot: true };
      else if (link.ok) others.push({ pid, fromRoot: false });
      else if (!GONE.has(link.errno)) others.push({ pid, fromRoot: null });
    }
    yield* others;
  }

  /** Whether the process is in `ns` still: it can have ended since, and its pid be another's, or have gone elsewhere. */
  #isIn(pid: number, ns: MountNs): boolean {
    const link = readNamespaceLink(this.#host.proc(pid, "ns", "mnt"));
    // who may not be asked cannot have been asked before: pid 1 where a security module guards it
    return link.ok ? link.value === ns.ns : link.errno === "EACCES";
  }

  /** How many mounts the kernel counts in the namespace; null where it does not tell (before Linux 6.12). */
  #count(ns: MountNs): number | null {
    if (ns.id === null) return null;
    for (const pid of this.#walks ? [] : ns.pids.slice(0, CANDIDATES)) {
      const info = withNamespace(this.#host.proc(pid, "ns", "mnt"), mountNamespaceInfo);
      if (info.ok && String(info.value.id) === ns.id) return info.value.mounts;
    }
    if (this.#counts === null) {
      const listed = listMountNamespaces();
      this.#counts = new Map(listed.ok ? listed.value.map((info) => [info.id, info.mounts]) : []);
    }
    return this.#counts.get(BigInt(ns.id)) ?? null;
  }

  #unread(ns: MountNs, via: MountTable["via"], reason: string): TableReading {
    return { table: this.#table(ns, [], via, reason), unsettled: false, took: 0 };
  }

  #table(
    { ns, id }: MountNs,
    mounts: readonly Mount[],
    via: MountTable["via"],
    reason: string | null,
  ): MountTable {
    return { ns, id, mounts, complete: reason === null, reason, via };
  }
}

/** The errors of a process that is gone, or a zombie: mounts_open_common() of fs/proc_namespace.c. */
const GONE: ReadonlySet<string> = new Set(["ENOENT", "ESRCH", "EINVAL"]);

const CHANGED = "it changed while it was read";

function better(a: TableReading | null, b: TableReading | null): TableReading | null {
  if (a === null || b === null) return a ?? b;
  return b.table.complete || b.table.mounts.length > a.table.mounts.length ? b : a;
}

/** Reads until nothing changed meanwhile, but not for ever. */
function settled<T extends MountinfoReading>(read: () => SysResult<T>): SysResult<T> {
  let reading = read();
  for (let more = ATTEMPTS - 1; more > 0 && reading.ok; more--) {
    const { changed, cut, mounts } = reading.value;
    if (!changed || cut || mounts.length > LARGE) break;
    reading = read();
  }
  return reading;
}

function tooMany(limit: number): string {
  return `it has more than ${limit} mounts, and no more are kept`;
}
