/**
 * The records of bpf/event.h, read in place: no copy is made of what lies in the ring. The numbers here are
 * those of the header; test/capture/wire.test.ts compares them with the types in the compiled object.
 */
import { NS_LINKS } from "../kernel/links.js";
import type { Task } from "../namespaces/task.js";
import { readName, readPath } from "./text.js";

/** KH_VERSION */
export const WIRE_VERSION = 3;

export const Kind = { syscall: 1, fork: 2, exec: 3, exit: 4, task: 5, moved: 6, copy: 7 } as const;
/** enum kh_loss */
export const Loss = { summary: 8, workload: 9, clone: 10, record: 11, buffer: 12, open: 13 } as const;
export const Flag = {
  mmShared: 1,
  sigsys: 2,
  kthread: 4,
  noNsproxy: 8,
  killed: 16,
  kernelStrings: 32,
  ioUring: 64,
} as const;
export const FieldId = {
  exe: 16,
  nsfs: 17,
  pidfd: 18,
  fscontext: 19,
  superblock: 20,
  nsIds: 21,
  file: 22,
  made: 23,
  mount: 24,
  mountPoint: 25,
  mountRoot: 26,
  base: 27,
  toBase: 28,
  value: 29,
  root: 30,
  duration: 31,
  path: 32,
  toPath: 33,
  namespace: 34,
  nsMount: 35,
  opened: 36,
  openedPath: 37,
} as const;
export const Status = { ok: 0, cut: 1, fault: 2, outside: 3 } as const;

/** Byte offsets into struct kh_event. */
export const EVENT = {
  version: 0,
  kind: 2,
  abi: 3,
  length: 4,
  time: 8,
  ret: 16,
  args: 24,
  start: 72,
  cgroup: 80,
  cgroup_v1: 88,
  ns: 96,
  op: 136,
  flags: 140,
  pid: 144,
  tid: 148,
  ppid: 152,
  uid: 156,
  gid: 160,
  ns_pid: 164,
  comm: 168,
  sizeof: 184,
} as const;

export const NSFS = { id: 0, type: 8, inum: 12, sizeof: 16 } as const;
export const NAMESPACE = {
  id: 0,
  event: 8,
  type: 16,
  inum: 20,
  owner: 24,
  parent: 28,
  level: 32,
  uid: 36,
  mounts: 40,
  sizeof: 48,
} as const;
export const NS_MOUNT = { id: 0, type: 8, inum: 12, ns: 16, mount: 20, sizeof: 24 } as const;
/** enum kh_open_flag */
export const OpenFlag = { detached: 1, root: 2, socket: 4 } as const;
export const OPEN_FILE = {
  length: 0,
  flags: 4,
  pid: 8,
  fd: 12,
  type: 16,
  inum: 20,
  id: 24,
  dev: 32,
  sizeof: 40,
} as const;
export const PIDFD = { pid: 0, tid: 4, start: 8, ns: 16, comm: 56, sizeof: 72 } as const;
export const FILE = { file: 0, object: 8, made: 16, sizeof: 24 } as const;
export const MOUNT = {
  id: 0,
  object: 8,
  ns_id: 16,
  before: 24,
  ns: 32,
  old_id: 36,
  parent: 40,
  flags: 44,
  sb_flags: 48,
  mounts: 52,
  sizeof: 56,
} as const;
/** enum kh_opened_why */
export const OpenedWhy = { entry: 1, foreign: 2, runtime: 4 } as const;
export const OPENED = {
  inode: 0,
  start: 8,
  pid: 16,
  dev: 20,
  mode: 24,
  why: 28,
  fs_type: 32,
  sizeof: 48,
} as const;
export const SUMMARY_KEY = { start: 0, pid: 8, ret: 12, op: 16, abi: 20, sizeof: 24 } as const;
export const SUMMARY = { count: 0, last: 8, first: 16, sizeof: 16 + EVENT.sizeof } as const;
export const FSCONTEXT = { purpose: 0, phase: 4, user_ns: 8, fs_type: 16, sizeof: 48 } as const;
export const SUPERBLOCK = {
  magic: 0,
  dev: 8,
  user_ns: 12,
  pid_ns: 16,
  pid_level: 20,
  hidepid: 24,
  gid: 28,
  pidonly: 32,
  fs_type: 40,
  sizeof: 72,
} as const;

const WORDS_BEFORE_OP = (EVENT.op - EVENT.start) / 4;
const IDENTITY_WORDS = WORDS_BEFORE_OP + (EVENT.sizeof - EVENT.pid) / 4;

/** One field of a record: where its bytes are. */
export interface Field {
  readonly id: number;
  readonly status: number;
  readonly at: number;
  readonly length: number;
}

/** The memory that records lie in, seen as the numbers they are made of. Offsets are in bytes. */
export class Wire {
  readonly bytes: Buffer;
  readonly #u32: Uint32Array;
  readonly #u64: BigUint64Array;
  readonly #i64: BigInt64Array;

  /** `memory` starts at a multiple of eight bytes, and so does every record in it. */
  constructor(memory: Uint8Array) {
    const { buffer, byteOffset, byteLength } = memory;
    this.bytes = Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength);
    this.#u32 = new Uint32Array(buffer, byteOffset, byteLength >> 2);
    this.#u64 = new BigUint64Array(buffer, byteOffset, byteLength >> 3);
    this.#i64 = new BigInt64Array(buffer, byteOffset, byteLength >> 3);
  }

  u8(at: number): number {
    return this.bytes[at]!;
  }

  u32(at: number): number {
    return this.#u32[at >> 2]!;
  }

  u64(at: number): bigint {
    return this.#u64[at >> 3]!;
  }

  i64(at: number): bigint {
    return this.#i64[at >> 3]!;
  }

  /** The raw argument `index` of the call. */
  arg(record: number, index: number): bigint {
    return this.u64(record + EVENT.args + index * 8);
  }

  /** Ten inode numbers in the order of NS_LINKS. */
  inums(at: number): number[] {
    const inums: number[] = [];
    for (let link = 0; link < NS_LINKS.length; link++) inums.push(this.#u32[(at >> 2) + link]!);
    return inums;
  }

  /** The words of the record that say who its task is. */
  identity(record: number): Uint32Array {
    const words = new Uint32Array(IDENTITY_WORDS);
    for (let index = 0; index < IDENTITY_WORDS; index++) words[index] = this.#identityWord(record, index);
    return words;
  }

  /** Is the task of the record described as `words` has it? */
  isIdentity(record: number, words: Uint32Array): boolean {
    for (let index = 0; index < IDENTITY_WORDS; index++) {
      if (words[index] !== this.#identityWord(record, index)) return false;
    }
    return true;
  }

  /** Who the record is about; `exe` is known to exec and inventory records alone. `fields`: those of the record. */
  task(record: number, fields: readonly Field[] = this.fields(record)): Task {
    return {
      pid: this.u32(record + EVENT.pid),
      tid: this.u32(record + EVENT.tid),
      ppid: this.u32(record + EVENT.ppid),
      start: this.u64(record + EVENT.start),
      uid: this.u32(record + EVENT.uid),
      gid: this.u32(record + EVENT.gid),
      comm: readName(this.bytes, record + EVENT.comm, 16),
      exe: this.#exe(fields),
      nsPid: this.u32(record + EVENT.ns_pid),
      ns: this.inums(record + EVENT.ns),
      cgroup: this.u64(record + EVENT.cgroup),
      cgroupV1: this.u64(record + EVENT.cgroup_v1),
    };
  }

  /** The fields behind the head, in the order in which they were added. */
  fields(record: number): Field[] {
    return this.fieldsBetween(record + EVENT.sizeof, record + this.u32(record + EVENT.length));
  }

  /** The fields that lie from `start` to `end`. */
  fieldsBetween(start: number, end: number): Field[] {
    const fields: Field[] = [];
    for (let at = start; at + 8 <= end; ) {
      const length = this.bytes.readUInt16LE(at + 2);
      fields.push({ id: this.u8(at), status: this.u8(at + 1), at: at + 8, length });
      at += 8 + ((length + 7) & ~7);
    }
    return fields;
  }

  /** What lies before and behind `op` and `flags`, which are of the call. */
  #identityWord(record: number, index: number): number {
    const at = index < WORDS_BEFORE_OP ? EVENT.start + index * 4 : EVENT.pid + (index - WORDS_BEFORE_OP) * 4;
    return this.#u32[(record + at) >> 2]!;
  }

  #exe(fields: readonly Field[]): string | null {
    const field = fields.find(({ id }) => id === FieldId.exe);
    if (field === undefined || field.status !== Status.ok) return null;
    return readPath(this.bytes, field.at, field.at + field.length);
  }
}
