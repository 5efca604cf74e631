/**
 * The calls that are captured: their numbers in each ABI and their arguments, named as in man-pages 6.20.
 * `op` is enum kh_op of bpf/event.h.
 */
import * as flags from "../kernel/flags.js";

/** How an argument is told. */
export type ArgKind =
  | {
      readonly kind:
        | "fd"
        | "dirfd"
        | "int"
        | "unsigned"
        | "pointer"
        | "string"
        | "options"
        | "root-fd"
        | "clone-flags"
        | "mount-flags";
    }
  | { readonly kind: "flags"; readonly table: flags.FlagTable; readonly bits: 32 | 64 }
  | { readonly kind: "fsconfig-command" | "fsconfig-value" | "fsconfig-aux" | "mount-attr" | "clone-args" }
  | { readonly kind: "open-flags" | "open-mode" | "open-how" };

export interface Call {
  readonly op: number;
  readonly name: string;
  readonly args: readonly (readonly [name: string, how: ArgKind])[];
}

const fd: ArgKind = { kind: "fd" };
const dirfd: ArgKind = { kind: "dirfd" };
const string: ArgKind = { kind: "string" };
const pointer: ArgKind = { kind: "pointer" };
const unsigned: ArgKind = { kind: "unsigned" };
const flags32 = (table: flags.FlagTable): ArgKind => ({ kind: "flags", table, bits: 32 });

export const CALLS: readonly Call[] = [
  {
    op: 1,
    name: "setns",
    args: [
      ["fd", fd],
      ["nstype", flags32(flags.CLONE_NEW)],
    ],
  },
  { op: 2, name: "unshare", args: [["flags", { kind: "flags", table: flags.UNSHARE_FLAGS, bits: 64 }]] },
  {
    op: 3,
    name: "mount",
    args: [
      ["source", string],
      ["target", string],
      ["filesystemtype", string],
      ["mountflags", { kind: "mount-flags" }],
      ["data", { kind: "options" }],
    ],
  },
  {
    op: 4,
    name: "umount2",
    args: [
      ["target", string],
      ["flags", flags32(flags.UMOUNT_FLAGS)],
    ],
  },
  { op: 5, name: "umount", args: [["target", string]] },
  {
    op: 6,
    name: "fsopen",
    args: [
      ["fsname", string],
      ["flags", flags32(flags.FSOPEN_FLAGS)],
    ],
  },
  {
    op: 7,
    name: "fspick",
    args: [
      ["dirfd", dirfd],
      ["path", string],
      ["flags", flags32(flags.FSPICK_FLAGS)],
    ],
  },
  {
    op: 8,
    name: "fsconfig",
    args: [
      ["fd", fd],
      ["cmd", { kind: "fsconfig-command" }],
      ["key", string],
      ["value", { kind: "fsconfig-value" }],
      ["aux", { kind: "fsconfig-aux" }],
    ],
  },
  {
    op: 9,
    name: "fsmount",
    args: [
      ["fd", fd],
      ["flags", flags32(flags.FSMOUNT_FLAGS)],
      ["attr_flags", flags32(flags.MOUNT_ATTR)],
    ],
  },
  {
    op: 10,
    name: "move_mount",
    args: [
      ["from_dirfd", dirfd],
      ["from_path", string],
      ["to_dirfd", dirfd],
      ["to_path", string],
      ["flags", flags32(flags.MOVE_MOUNT_FLAGS)],
    ],
  },
  {
    op: 11,
    name: "open_tree",
    args: [
      ["dirfd", dirfd],
      ["path", string],
      ["flags", flags32(flags.OPEN_TREE_FLAGS)],
    ],
  },
  {
    op: 12,
    name: "open_tree_attr",
    args: [
      ["dirfd", dirfd],
      ["path", string],
      ["flags", flags32(flags.OPEN_TREE_FLAGS)],
      ["attr", { kind: "mount-attr" }],
      ["size", unsigned],
    ],
  },
  {
    op: 13,
    name: "mount_setattr",
    args: [
      ["dirfd", dirfd],
      ["path", string],
      ["flags", flags32(flags.MOUNT_SETATTR_FLAGS)],
      ["attr", { kind: "mount-attr" }],
      ["size", unsigned],
    ],
  },
  {
    op: 14,
    name: "pivot_root",
    args: [
      ["new_root", string],
      ["put_old", string],
    ],
  },
  { op: 15, name: "chroot", args: [["path", string]] },
  {
    op: 16,
    name: "pidfd_open",
    args: [
      ["pid", { kind: "int" }],
      ["flags", flags32(flags.PIDFD_FLAGS)],
    ],
  },
  {
    op: 17,
    name: "clone",
    args: [
      ["flags", { kind: "clone-flags" }],
      ["stack", pointer],
      ["parent_tid", pointer],
      ["child_tid", pointer],
      ["tls", pointer],
    ],
  },
  {
    op: 18,
    name: "clone3",
    args: [
      ["cl_args", { kind: "clone-args" }],
      ["size", unsigned],
    ],
  },
  {
    // since Linux 7.3, fs/open.c: int fchroot(int fd, unsigned int flags)
    op: 19,
    name: "fchroot",
    args: [
      ["fd", { kind: "root-fd" }],
      ["flags", flags32(flags.FCHROOT_FLAGS)],
    ],
  },
];

const open_flags: ArgKind = { kind: "open-flags" };
const open_mode: ArgKind = { kind: "open-mode" };

/** Calls that open files: told where what they opened is something that rules want to know of, see bpf/opens.h. */
export const OPEN_CALLS: readonly Call[] = [
  {
    op: 20,
    name: "open",
    args: [
      ["pathname", string],
      ["flags", open_flags],
      ["mode", open_mode],
    ],
  },
  {
    op: 21,
    name: "openat",
    args: [
      ["dirfd", dirfd],
      ["pathname", string],
      ["flags", open_flags],
      ["mode", open_mode],
    ],
  },
  {
    op: 22,
    name: "openat2",
    args: [
      ["dirfd", dirfd],
      ["pathname", string],
      ["how", { kind: "open-how" }],
      ["size", unsigned],
    ],
  },
  {
    op: 23,
    name: "creat",
    args: [
      ["pathname", string],
      ["mode", open_mode],
    ],
  },
  {
    op: 24,
    name: "open_by_handle_at",
    args: [
      ["mount_fd", dirfd],
      ["handle", pointer],
      ["flags", open_flags],
    ],
  },
];

/** Names of {@link OPEN_CALLS}. */
export const OPENS: ReadonlySet<string> = new Set(OPEN_CALLS.map(({ name }) => name));

/** Calls by `op`. */
export const CALL_BY_OP: readonly (Call | undefined)[] = [...CALLS, ...OPEN_CALLS].reduce<
  (Call | undefined)[]
>((table, call) => {
  table[call.op] = call;
  return table;
}, []);

/** Since Linux 5.1 a new call has one number in every ABI. */
const COMMON: Readonly<Record<string, number>> = {
  open_tree: 428,
  move_mount: 429,
  fsopen: 430,
  fsconfig: 431,
  fsmount: 432,
  fspick: 433,
  pidfd_open: 434,
  clone3: 435,
  openat2: 437,
  mount_setattr: 442,
  open_tree_attr: 467,
};

/** arch/x86/entry/syscalls/syscall_64.tbl; x32 has the same numbers with bit 30 set. */
const X86_64 = {
  ...COMMON,
  fchroot: 472,
  setns: 308,
  unshare: 272,
  mount: 165,
  umount2: 166,
  pivot_root: 155,
  chroot: 161,
  clone: 56,
  open: 2,
  creat: 85,
  openat: 257,
  open_by_handle_at: 304,
};

/** arch/x86/entry/syscalls/syscall_32.tbl */
const I386 = {
  ...COMMON,
  setns: 346,
  unshare: 310,
  mount: 21,
  umount2: 52,
  umount: 22,
  pivot_root: 217,
  chroot: 61,
  clone: 120,
  open: 5,
  creat: 8,
  openat: 295,
  open_by_handle_at: 342,
};

/** include/uapi/asm-generic/unistd.h */
const ARM64 = {
  ...COMMON,
  fchroot: 472,
  setns: 268,
  unshare: 97,
  mount: 40,
  umount2: 39,
  pivot_root: 41,
  chroot: 51,
  clone: 220,
  openat: 56,
  open_by_handle_at: 265,
};

/** arch/arm/tools/syscall.tbl, EABI */
const ARM = {
  ...COMMON,
  setns: 375,
  unshare: 337,
  mount: 21,
  umount2: 52,
  pivot_root: 218,
  chroot: 61,
  clone: 120,
  open: 5,
  creat: 8,
  openat: 322,
  open_by_handle_at: 371,
};

/** What the kernel calls each ABI, by enum kh_abi. */
export const ABI_NAMES: Readonly<Record<string, readonly string[]>> = {
  x64: ["x86_64", "i386", "x32"],
  arm64: ["arm64", "arm", "unknown"],
};

/** The size of `calls` in bpf/capture.bpf.c. */
export const CALL_NUMBERS = 512;

/**
 * The table that the programs read: for each call number, `op` of the native ABI in the low byte and of
 * the 32-bit one in the high byte. `arch` is that of `process.arch`; `calls` are those that are to stand in it.
 */
export function callTable(arch: string, calls: readonly Call[] = CALLS): Uint16Array {
  const [native, compat] = arch === "arm64" ? [ARM64, ARM] : [X86_64, I386];
  const table = new Uint16Array(CALL_NUMBERS);
  for (const call of calls) {
    const number = (native as Record<string, number>)[call.name];
    if (number !== undefined) table[number]! |= call.op;
    const compatNumber = (compat as Record<string, number>)[call.name];
    if (compatNumber !== undefined) table[compatNumber]! |= call.op << 8;
  }
  return table;
}
