/** What opens are told of: the settings and maps of bpf/opens.h. */
import type { BpfObject } from "@keyhole/libbpf";
import { buildOpenTable, encodeRoot, encodeStep, filterOf, type OpenPattern } from "./open-table.js";

/** A program file on the host. */
export interface BinaryId {
  /** The kernel's dev_t of its superblock: major << 20 | minor. */
  readonly dev: number;
  readonly inode: bigint;
}

export interface WatchedOpens {
  readonly patterns: readonly OpenPattern[];
  /** Programs of container runtimes, told when they are opened for writing. */
  readonly binaries: readonly BinaryId[];
}

/** The size of `runtime_binaries` in bpf/opens.h. */
export const MAX_BINARIES = 256;

/** Before load: inode numbers of the host's namespaces, whose tasks are not looked at. */
export function setHostNamespaces(object: BpfObject, { mnt, pid }: { mnt: number; pid: number }): void {
  object.setGlobal("host_mnt_ns", mnt);
  object.setGlobal("host_pid_ns", pid);
}

/** After load: from now on these are told. Throws a RangeError where the patterns do not fit. */
export function watchOpens(object: BpfObject, { patterns, binaries }: WatchedOpens): void {
  const { roots, steps } = buildOpenTable(patterns);
  const states = object.map("open_states");
  for (const step of steps) {
    const { key, value } = encodeStep(step);
    states.update(key, value);
  }
  const files = object.map("runtime_binaries");
  for (const { dev, inode } of binaries.slice(0, MAX_BINARIES)) {
    const key = new Uint8Array(16);
    new BigUint64Array(key.buffer, 0, 1)[0] = inode;
    new Uint32Array(key.buffer, 8, 1)[0] = dev;
    files.update(key, Uint8Array.of(1));
  }
  const starts = object.map("open_roots");
  for (const root of roots) {
    const { key, value } = encodeRoot(root);
    starts.update(key, value);
  }
  // last: nothing is looked up before
  object.map(".data.filter").update(new Uint8Array(4), filterOf(roots));
}
