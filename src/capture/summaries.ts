import type { BpfObject } from "@keyhole/libbpf";
import { EVENT, SUMMARY, Wire } from "./wire.js";

/** Failed calls of one process with one result that were counted in the kernel since the last look. */
export interface SummaryRecord {
  /** The head of the first of them is at `record`. */
  readonly wire: Wire;
  readonly record: number;
  readonly count: number;
  /** When the first and the last of them returned, CLOCK_BOOTTIME in nanoseconds; `from` is a bound after the first look. */
  readonly from: bigint;
  readonly to: bigint;
}

interface Told {
  count: bigint;
  last: bigint;
}

/**
 * What workloads beyond their rate did, see bpf/limits.h. The kernel only ever adds, so that what has been told already
 * is subtracted here; an entry goes when its process has.
 */
export class Summaries {
  readonly #object: BpfObject;
  readonly #told = new Map<string, Told>();
  #total = 0n;

  constructor(object: BpfObject) {
    this.#object = object;
  }

  /** Calls that were counted and not told one by one, since the start. */
  total(): bigint {
    return new BigUint64Array(this.#object.getGlobal("summarised").slice().buffer)[0] ?? 0n;
  }

  /** What has been counted since the last time; `isGone` says whether a process, by pid and start, has ended. */
  take(isGone: (pid: number, start: bigint) => boolean): SummaryRecord[] {
    const total = this.total();
    if (total === this.#total && this.#told.size === 0) return [];
    this.#total = total;
    const map = this.#object.map("summaries");
    const records: SummaryRecord[] = [];
    const listed = new Set<string>();
    // collected first: deleting under a walk makes it begin again
    for (const key of [...map.keys()]) {
      const name = Buffer.from(key).toString("latin1");
      const value = listed.has(name) ? null : map.lookup(key);
      if (value === null) continue;
      listed.add(name);
      const wire = new Wire(value);
      const told = this.#told.get(name) ?? { count: 0n, last: wire.u64(SUMMARY.first + EVENT.time) };
      const [count, last] = [wire.u64(SUMMARY.count), wire.u64(SUMMARY.last)];
      if (count > told.count) {
        const news = { wire, record: SUMMARY.first, count: Number(count - told.count) };
        records.push({ ...news, from: told.last, to: last });
        this.#told.set(name, { count, last });
      } else if (isGone(wire.u32(SUMMARY.first + EVENT.pid), wire.u64(SUMMARY.first + EVENT.start))) {
        map.delete(key);
        this.#told.delete(name);
      }
    }
    return records;
  }
}
