/**
 * Symbolic names of the flag words and commands of the calls that are captured, as include/uapi/linux
 * spells them. Values up to 2^53 are plain numbers; flag words are 64-bit and given as BigInt.
 */
export type FlagTable = readonly (readonly [name: string, value: bigint])[];

/** Bits of setns(2), unshare(2) and clone(2) that name a namespace (include/uapi/linux/sched.h). */
export const CLONE_NEW: FlagTable = [
  ["CLONE_NEWTIME", 0x80n],
  ["CLONE_NEWNS", 0x20000n],
  ["CLONE_NEWCGROUP", 0x2000000n],
  ["CLONE_NEWUTS", 0x4000000n],
  ["CLONE_NEWIPC", 0x8000000n],
  ["CLONE_NEWUSER", 0x10000000n],
  ["CLONE_NEWPID", 0x20000000n],
  ["CLONE_NEWNET", 0x40000000n],
];

/** unshare(2) takes some bits of clone(2). Bit 20 is CLONE_PARENT_SETTID there, here UNSHARE_EMPTY_MNTNS since Linux 7.1. */
export const UNSHARE_FLAGS: FlagTable = [
  ...CLONE_NEW,
  ["CLONE_VM", 0x100n],
  ["CLONE_FS", 0x200n],
  ["CLONE_FILES", 0x400n],
  ["CLONE_SIGHAND", 0x800n],
  ["CLONE_THREAD", 0x10000n],
  ["CLONE_SYSVSEM", 0x40000n],
  ["UNSHARE_EMPTY_MNTNS", 0x100000n],
];

const CLONE_COMMON: FlagTable = [
  ["CLONE_VM", 0x100n],
  ["CLONE_FS", 0x200n],
  ["CLONE_FILES", 0x400n],
  ["CLONE_SIGHAND", 0x800n],
  ["CLONE_PIDFD", 0x1000n],
  ["CLONE_PTRACE", 0x2000n],
  ["CLONE_VFORK", 0x4000n],
  ["CLONE_PARENT", 0x8000n],
  ["CLONE_THREAD", 0x10000n],
  ["CLONE_NEWNS", 0x20000n],
  ["CLONE_SYSVSEM", 0x40000n],
  ["CLONE_SETTLS", 0x80000n],
  ["CLONE_PARENT_SETTID", 0x100000n],
  ["CLONE_CHILD_CLEARTID", 0x200000n],
  ["CLONE_DETACHED", 0x400000n],
  ["CLONE_UNTRACED", 0x800000n],
  ["CLONE_CHILD_SETTID", 0x1000000n],
  ["CLONE_NEWCGROUP", 0x2000000n],
  ["CLONE_NEWUTS", 0x4000000n],
  ["CLONE_NEWIPC", 0x8000000n],
  ["CLONE_NEWUSER", 0x10000000n],
  ["CLONE_NEWPID", 0x20000000n],
  ["CLONE_NEWNET", 0x40000000n],
  ["CLONE_IO", 0x80000000n],
];

/** The flag word of clone(2) without its low byte, which is the exit signal. */
export const CLONE_FLAGS: FlagTable = CLONE_COMMON;

/** The flags of struct clone_args. CLONE_EMPTY_MNTNS exists since Linux 7.1. */
export const CLONE3_FLAGS: FlagTable = [
  ["CLONE_NEWTIME", 0x80n],
  ...CLONE_COMMON,
  ["CLONE_CLEAR_SIGHAND", 0x100000000n],
  ["CLONE_INTO_CGROUP", 0x200000000n],
  ["CLONE_AUTOREAP", 0x400000000n],
  ["CLONE_NNP", 0x800000000n],
  ["CLONE_PIDFD_AUTOKILL", 0x1000000000n],
  ["CLONE_EMPTY_MNTNS", 0x2000000000n],
];

/** mount(2), include/uapi/linux/mount.h and, for the bits from 22 on, include/linux/fs.h. */
export const MOUNT_FLAGS: FlagTable = [
  ["MS_RDONLY", 0x1n],
  ["MS_NOSUID", 0x2n],
  ["MS_NODEV", 0x4n],
  ["MS_NOEXEC", 0x8n],
  ["MS_SYNCHRONOUS", 0x10n],
  ["MS_REMOUNT", 0x20n],
  ["MS_MANDLOCK", 0x40n],
  ["MS_DIRSYNC", 0x80n],
  ["MS_NOSYMFOLLOW", 0x100n],
  ["MS_NOATIME", 0x400n],
  ["MS_NODIRATIME", 0x800n],
  ["MS_BIND", 0x1000n],
  ["MS_MOVE", 0x2000n],
  ["MS_REC", 0x4000n],
  ["MS_SILENT", 0x8000n],
  ["MS_POSIXACL", 0x10000n],
  ["MS_UNBINDABLE", 0x20000n],
  ["MS_PRIVATE", 0x40000n],
  ["MS_SLAVE", 0x80000n],
  ["MS_SHARED", 0x100000n],
  ["MS_RELATIME", 0x200000n],
  ["MS_KERNMOUNT", 0x400000n],
  ["MS_I_VERSION", 0x800000n],
  ["MS_STRICTATIME", 0x1000000n],
  ["MS_LAZYTIME", 0x2000000n],
  ["MS_SUBMOUNT", 0x4000000n],
  ["MS_NOREMOTELOCK", 0x8000000n],
  ["MS_NOSEC", 0x10000000n],
  ["MS_BORN", 0x20000000n],
  ["MS_ACTIVE", 0x40000000n],
  ["MS_NOUSER", 0x80000000n],
];

/** The propagation member of struct mount_attr. */
export const PROPAGATION: FlagTable = MOUNT_FLAGS.filter(([name]) =>
  ["MS_UNBINDABLE", "MS_PRIVATE", "MS_SLAVE", "MS_SHARED"].includes(name),
);

export const UMOUNT_FLAGS: FlagTable = [
  ["MNT_FORCE", 0x1n],
  ["MNT_DETACH", 0x2n],
  ["MNT_EXPIRE", 0x4n],
  ["UMOUNT_NOFOLLOW", 0x8n],
];

export const FSOPEN_FLAGS: FlagTable = [["FSOPEN_CLOEXEC", 0x1n]];

export const FSPICK_FLAGS: FlagTable = [
  ["FSPICK_CLOEXEC", 0x1n],
  ["FSPICK_SYMLINK_NOFOLLOW", 0x2n],
  ["FSPICK_NO_AUTOMOUNT", 0x4n],
  ["FSPICK_EMPTY_PATH", 0x8n],
];

/** FSMOUNT_NAMESPACE exists since Linux 7.1. */
export const FSMOUNT_FLAGS: FlagTable = [
  ["FSMOUNT_CLOEXEC", 0x1n],
  ["FSMOUNT_NAMESPACE", 0x2n],
];

export const MOVE_MOUNT_FLAGS: FlagTable = [
  ["MOVE_MOUNT_F_SYMLINKS", 0x1n],
  ["MOVE_MOUNT_F_AUTOMOUNTS", 0x2n],
  ["MOVE_MOUNT_F_EMPTY_PATH", 0x4n],
  ["MOVE_MOUNT_T_SYMLINKS", 0x10n],
  ["MOVE_MOUNT_T_AUTOMOUNTS", 0x20n],
  ["MOVE_MOUNT_T_EMPTY_PATH", 0x40n],
  ["MOVE_MOUNT_SET_GROUP", 0x100n],
  ["MOVE_MOUNT_BENEATH", 0x200n],
];

const AT_FLAGS: FlagTable = [
  ["AT_SYMLINK_NOFOLLOW", 0x100n],
  ["AT_NO_AUTOMOUNT", 0x800n],
  ["AT_EMPTY_PATH", 0x1000n],
  ["AT_RECURSIVE", 0x8000n],
];

/** OPEN_TREE_NAMESPACE exists since Linux 7.0. OPEN_TREE_CLOEXEC is O_CLOEXEC. */
export const OPEN_TREE_FLAGS: FlagTable = [
  ["OPEN_TREE_CLONE", 0x1n],
  ["OPEN_TREE_NAMESPACE", 0x2n],
  ["OPEN_TREE_CLOEXEC", 0x80000n],
  ...AT_FLAGS,
];

export const MOUNT_SETATTR_FLAGS: FlagTable = AT_FLAGS;

/** The access-time bits are a field of three; its value 0 is MOUNT_ATTR_RELATIME. */
export const MOUNT_ATTR: FlagTable = [
  ["MOUNT_ATTR_RDONLY", 0x1n],
  ["MOUNT_ATTR_NOSUID", 0x2n],
  ["MOUNT_ATTR_NODEV", 0x4n],
  ["MOUNT_ATTR_NOEXEC", 0x8n],
  ["MOUNT_ATTR__ATIME", 0x70n],
  ["MOUNT_ATTR_NOATIME", 0x10n],
  ["MOUNT_ATTR_STRICTATIME", 0x20n],
  ["MOUNT_ATTR_NODIRATIME", 0x80n],
  ["MOUNT_ATTR_IDMAP", 0x100000n],
  ["MOUNT_ATTR_NOSYMFOLLOW", 0x200000n],
];

/** PIDFD_NONBLOCK is O_NONBLOCK (5.10), PIDFD_THREAD is O_EXCL (6.9). */
export const PIDFD_FLAGS: FlagTable = [
  ["PIDFD_NONBLOCK", 0x800n],
  ["PIDFD_THREAD", 0x80n],
  ["PIDFD_AUTOKILL", 0x200n],
];

/** The commands of fsconfig(2); the index is the value. */
export const FSCONFIG_COMMANDS = [
  "FSCONFIG_SET_FLAG",
  "FSCONFIG_SET_STRING",
  "FSCONFIG_SET_BINARY",
  "FSCONFIG_SET_PATH",
  "FSCONFIG_SET_PATH_EMPTY",
  "FSCONFIG_SET_FD",
  "FSCONFIG_CMD_CREATE",
  "FSCONFIG_CMD_RECONFIGURE",
  "FSCONFIG_CMD_CREATE_EXCL",
] as const;

/** enum fs_context_purpose; the index is the value. */
export const FS_CONTEXT_PURPOSES = ["mount", "submount", "reconfigure"] as const;

/** fchroot(2) has none yet (Linux 7.3). */
export const FCHROOT_FLAGS: FlagTable = [];

/** Words that were named before, by table: a program makes the same few calls again and again. */
const named = new WeakMap<FlagTable, Map<bigint, readonly string[]>>();

/** So many words a table: whoever calls with random ones gains nothing by it. */
const MAX_NAMED = 256;

/** The names of the set bits, in the table's order; bits that it does not name as one hexadecimal string. */
export function flagNames(word: bigint, table: FlagTable): readonly string[] {
  return remember(table, word, namesOf);
}

function remember(
  table: FlagTable,
  word: bigint,
  name: (word: bigint, table: FlagTable) => readonly string[],
): readonly string[] {
  let words = named.get(table);
  if (words === undefined) {
    words = new Map();
    named.set(table, words);
  }
  let names = words.get(word);
  if (names === undefined) {
    names = name(word, table);
    if (words.size < MAX_NAMED) words.set(word, names);
  }
  return names;
}

function namesOf(word: bigint, table: FlagTable): string[] {
  const names: string[] = [];
  let rest = word;
  for (const [name, value] of table) {
    if ((rest & value) === value) {
      names.push(name);
      rest &= ~value;
    }
  }
  if (rest !== 0n) names.push(`0x${rest.toString(16)}`);
  return names;
}

const MS_MGC_MASK = 0xffff0000n;
const MS_MGC_VAL = 0xc0ed0000n;

/** Flags of mount(2), whose upper half old callers fill with a magic number (path_mount(), fs/namespace.c). */
export function mountFlagNames(word: bigint): readonly string[] {
  if ((word & MS_MGC_MASK) !== MS_MGC_VAL) return flagNames(word, MOUNT_FLAGS);
  return ["MS_MGC_VAL", ...flagNames(word & ~MS_MGC_MASK, MOUNT_FLAGS)];
}

const SIGNALS = (
  "HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP TTIN TTOU " +
  "URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS"
).split(" ");

/** `SIGCHLD` for 17, `SIGRT_2` for real-time signals, the number for what is none; signal(7), x86 and arm. */
export function signalName(signal: number): string {
  const name = SIGNALS[signal - 1];
  if (name !== undefined) return `SIG${name}`;
  if (signal >= 32 && signal <= 64) return `SIGRT_${signal - 32}`;
  return String(signal);
}

/** Flags of clone(2) with the exit signal, the low byte, as the last element. */
export function cloneFlagNames(word: bigint): readonly string[] {
  return remember(CLONE_FLAGS, word, cloneNames);
}

function cloneNames(word: bigint): string[] {
  const names = namesOf(word & 0xffffff00n, CLONE_FLAGS);
  const signal = Number(word & 0xffn);
  if (signal !== 0) names.push(signalName(signal));
  const rest = word >> 32n;
  if (rest !== 0n) names.push(`0x${(rest << 32n).toString(16)}`);
  return names;
}
