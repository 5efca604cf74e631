/** What the descriptor of a call was, as bpf/file.h found it while the call ran. */
import * as flags from "../kernel/flags.js";
import type { NsInums, NsType } from "../kernel/links.js";
import { readName } from "./text.js";
import { type Field, FieldId, FSCONTEXT, NSFS, PIDFD, SUPERBLOCK, type Wire } from "./wire.js";

export interface NsfsTarget {
  readonly via: "nsfs";
  readonly type: NsType | null;
  readonly inum: number;
  /** 0n before Linux 6.18. */
  readonly id: bigint;
}

/** `pid` is 0 and `ns` all zeros when the process was gone already. */
export interface PidfdTarget {
  readonly via: "pidfd";
  readonly pid: number;
  readonly tid: number;
  readonly start: bigint;
  readonly comm: string;
  readonly ns: NsInums;
}

export interface FsContextTarget {
  readonly via: "fscontext";
  readonly fsType: string;
  readonly purpose: string;
  readonly userNs: number;
}

export interface Superblock {
  readonly magic: bigint;
  /** major:minor as in mountinfo */
  readonly dev: string;
  readonly fsType: string;
  readonly userNs: number;
  /** Of a procfs; null for any other file system. */
  readonly procfs: {
    readonly pidNs: number;
    readonly pidLevel: number;
    readonly hidepid: "off" | "noaccess" | "invisible" | "ptraceable";
    readonly gid: number;
    readonly subset: "pid" | null;
  } | null;
}

export interface Targets {
  readonly target: NsfsTarget | PidfdTarget | FsContextTarget | null;
  readonly superblock: Superblock | null;
}

const PROC_SUPER_MAGIC = 0x9fa0n;
const HIDEPID = { 0: "off", 1: "noaccess", 2: "invisible", 4: "ptraceable" } as const;

const TYPES: Readonly<Record<number, NsType>> = {
  128: "time",
  131072: "mnt",
  33554432: "cgroup",
  67108864: "uts",
  134217728: "ipc",
  268435456: "user",
  536870912: "pid",
  1073741824: "net",
};

/** The fields of a record that say what its descriptor was. */
export function readTargets(wire: Wire, fields: readonly Field[]): Targets {
  let target: Targets["target"] = null;
  let superblock: Superblock | null = null;
  for (const { id, at } of fields) {
    if (id === FieldId.nsfs) {
      target = readNsfs(wire, at);
    } else if (id === FieldId.pidfd) {
      target = {
        via: "pidfd",
        pid: wire.u32(at + PIDFD.pid),
        tid: wire.u32(at + PIDFD.tid),
        start: wire.u64(at + PIDFD.start),
        comm: readName(wire.bytes, at + PIDFD.comm, 16),
        ns: wire.inums(at + PIDFD.ns),
      };
    } else if (id === FieldId.fscontext) {
      target = {
        via: "fscontext",
        fsType: readName(wire.bytes, at + FSCONTEXT.fs_type, 32),
        purpose: flags.FS_CONTEXT_PURPOSES[wire.u32(at + FSCONTEXT.purpose)] ?? "unknown",
        userNs: wire.u32(at + FSCONTEXT.user_ns),
      };
    } else if (id === FieldId.superblock) {
      superblock = readSuperblock(wire, at);
    }
  }
  return { target, superblock };
}

/** Reads a struct kh_nsfs. */
export function readNsfs(wire: Wire, at: number): NsfsTarget {
  const type = TYPES[wire.u32(at + NSFS.type)] ?? null;
  return { via: "nsfs", type, inum: wire.u32(at + NSFS.inum), id: wire.u64(at + NSFS.id) };
}

/** Reads a struct kh_superblock. */
export function readSuperblock(wire: Wire, at: number): Superblock {
  const magic = wire.u64(at + SUPERBLOCK.magic);
  const dev = wire.u32(at + SUPERBLOCK.dev);
  const hidepid = wire.u32(at + SUPERBLOCK.hidepid);
  return {
    magic,
    // MKDEV() of include/linux/kdev_t.h
    dev: `${dev >>> 20}:${dev & 0xfffff}`,
    fsType: readName(wire.bytes, at + SUPERBLOCK.fs_type, 32),
    userNs: wire.u32(at + SUPERBLOCK.user_ns),
    procfs:
      magic !== PROC_SUPER_MAGIC
        ? null
        : {
            pidNs: wire.u32(at + SUPERBLOCK.pid_ns),
            pidLevel: wire.u32(at + SUPERBLOCK.pid_level),
            hidepid: HIDEPID[hidepid as keyof typeof HIDEPID] ?? "off",
            gid: wire.u32(at + SUPERBLOCK.gid),
            subset: wire.u32(at + SUPERBLOCK.pidonly) === 0 ? null : "pid",
          },
  };
}
