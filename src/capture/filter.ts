import { statSync } from "node:fs";
import { endianness } from "node:os";
import type { BpfMap, BpfObject } from "@keyhole/libbpf";
import { KeyholeError } from "../errors.js";
import type { HostPath } from "../kernel/host-path.js";

/** What is captured at all, decided in the kernel. Within a list nearer cgroups decide before their ancestors. */
export interface FilterLists<T> {
  readonly include: readonly T[];
  readonly exclude: readonly T[];
}

export interface CaptureFilter {
  /** Paths below the root of the cgroup hierarchies, each with all below it. */
  readonly cgroups: FilterLists<string>;
  /** Inode numbers. */
  readonly pidNamespaces: FilterLists<number>;
  readonly uids: FilterLists<number>;
}

/** enum filter_kind of bpf/filter.h */
const FilterKind = { cgroup: 1, cgroupV1: 2, pidns: 3, uid: 4 } as const;
const INCLUDE = 1;
const EXCLUDE = 2;

type Entry = readonly [kind: number, value: bigint, verdict: number];

/** The filter as the kernel side has it: globals to set before load, map entries to write after it. */
export class KernelFilter {
  readonly #entries: Entry[];

  /** Throws KEYHOLE_FILTER for a cgroup that does not exist. */
  constructor(filter: CaptureFilter, host: HostPath) {
    const numbers = (kind: number, lists: FilterLists<number>) =>
      both(lists, (value) => [[kind, BigInt(value)] as const]);
    this.#entries = [
      ...both(filter.cgroups, (path) => cgroupIds(host, path)),
      ...numbers(FilterKind.pidns, filter.pidNamespaces),
      ...numbers(FilterKind.uid, filter.uids),
    ];
  }

  /** Before load. */
  setGlobals(object: BpfObject): void {
    object.setGlobal(
      "filter_kinds",
      this.#bits(() => true),
    );
    object.setGlobal(
      "filter_includes",
      this.#bits((verdict) => verdict === INCLUDE),
    );
  }

  /** After load. */
  fill(map: BpfMap): void {
    for (const [kind, value, verdict] of this.#entries) {
      const key = Buffer.alloc(16);
      if (endianness() === "LE") {
        key.writeUInt32LE(kind, 0);
        key.writeBigUInt64LE(value, 8);
      } else {
        key.writeUInt32BE(kind, 0);
        key.writeBigUInt64BE(value, 8);
      }
      map.update(key, Uint8Array.of(verdict));
    }
  }

  /** The two cgroup kinds are asked together under the bit of the first. */
  #bits(counts: (verdict: number) => boolean): number {
    let bits = 0;
    for (const [kind, , verdict] of this.#entries) {
      if (counts(verdict)) bits |= 1 << (kind === FilterKind.cgroupV1 ? FilterKind.cgroup : kind);
    }
    return bits;
  }
}

function both<T>(lists: FilterLists<T>, keys: (value: T) => readonly (readonly [number, bigint])[]): Entry[] {
  const entries = (values: readonly T[], verdict: number) =>
    values.flatMap(keys).map(([kind, value]) => [kind, value, verdict] as const);
  return [...entries(lists.include, INCLUDE), ...entries(lists.exclude, EXCLUDE)];
}

/** A cgroup's id is the inode number of its directory (cgroup_id(), include/linux/cgroup.h). */
function cgroupIds(host: HostPath, path: string): (readonly [number, bigint])[] {
  const places = [
    [FilterKind.cgroup, host.sys("fs/cgroup", path)],
    [FilterKind.cgroup, host.sys("fs/cgroup/unified", path)],
    [FilterKind.cgroupV1, host.sys("fs/cgroup/memory", path)],
  ] as const;
  const ids = places.flatMap(([kind, directory]) => {
    const stat = statSync(directory, { bigint: true, throwIfNoEntry: false });
    return stat?.isDirectory() ? [[kind, stat.ino] as const] : [];
  });
  if (ids.length === 0) {
    throw new KeyholeError(`no cgroup ${path} to filter by`, {
      code: "KEYHOLE_FILTER",
      expected: `a directory below ${host.sys("fs/cgroup")}`,
      found: "none of that name in the unified or the memory hierarchy",
      hint: "name a cgroup that exists when the agent starts, e.g. /system.slice",
    });
  }
  return ids;
}
