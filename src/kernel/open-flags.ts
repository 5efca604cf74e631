/** The flag word of open(2) and its relatives, as include/uapi/asm-generic/fcntl.h and each architecture spell it. */
import type { FlagTable } from "./flags.js";

/** The lowest two bits are no flags but one of four values; 3 asks for neither reading nor writing. */
const ACCESS = ["O_RDONLY", "O_WRONLY", "O_RDWR", "0x3"] as const;

/** O_SYNC has the bit of O_DSYNC in it, and O_TMPFILE that of O_DIRECTORY: they stand before these. */
const COMMON: FlagTable = [
  ["O_CREAT", 0o100n],
  ["O_EXCL", 0o200n],
  ["O_NOCTTY", 0o400n],
  ["O_TRUNC", 0o1000n],
  ["O_APPEND", 0o2000n],
  ["O_NONBLOCK", 0o4000n],
  ["O_SYNC", 0o4010000n],
  ["O_DSYNC", 0o10000n],
  ["FASYNC", 0o20000n],
  ["O_NOATIME", 0o1000000n],
  ["O_CLOEXEC", 0o2000000n],
  ["O_PATH", 0o10000000n],
];

const X86: FlagTable = [
  ["O_TMPFILE", 0o20200000n],
  ["O_DIRECT", 0o40000n],
  ["O_LARGEFILE", 0o100000n],
  ["O_DIRECTORY", 0o200000n],
  ["O_NOFOLLOW", 0o400000n],
];

/** arch/arm64/include/uapi/asm/fcntl.h; that of arm is the same. */
const ARM: FlagTable = [
  ["O_TMPFILE", 0o20040000n],
  ["O_DIRECTORY", 0o40000n],
  ["O_NOFOLLOW", 0o100000n],
  ["O_DIRECT", 0o200000n],
  ["O_LARGEFILE", 0o400000n],
];

const FLAGS: FlagTable = [...COMMON, ...(process.arch === "arm64" ? ARM : X86)];

/** struct open_how: openat2(2), include/uapi/linux/openat2.h */
export const RESOLVE: FlagTable = [
  ["RESOLVE_NO_XDEV", 0x1n],
  ["RESOLVE_NO_MAGICLINKS", 0x2n],
  ["RESOLVE_NO_SYMLINKS", 0x4n],
  ["RESOLVE_BENEATH", 0x8n],
  ["RESOLVE_IN_ROOT", 0x10n],
  ["RESOLVE_CACHED", 0x20n],
];

/** Names that stand in the flags of open(2). */
export const OPEN_FLAG_NAMES: readonly string[] = [...ACCESS.slice(0, 3), ...FLAGS.map(([name]) => name)];

/** The names of a flag word of open(2): how it is opened first, unknown bits as one hexadecimal number last. */
export function openFlagNames(word: bigint): string[] {
  const taken: string[] = [ACCESS[Number(word & 3n)]!];
  let rest = word & ~3n;
  const whole = FLAGS.filter(([, value]) => {
    if ((rest & value) !== value) return false;
    rest &= ~value;
    return true;
  });
  taken.push(...whole.map(([name]) => name));
  if (rest !== 0n) taken.push(`0x${rest.toString(16)}`);
  return taken;
}

/** Does a call with this flag word look at its mode? */
export function takesMode(word: bigint): boolean {
  const tmpfile = FLAGS.find(([name]) => name === "O_TMPFILE")![1];
  return (word & 0o100n) !== 0n || (word & tmpfile) === tmpfile;
}
