export type Hidepid = "off" | "noaccess" | "invisible" | "ptraceable";

/** What one option, or a list of them, says of a procfs superblock (proc(5)); absent: nothing. */
export interface StatedOptions {
  readonly hidepid?: Hidepid;
  /** As it was written, in numbers of the writer's user namespace. */
  readonly gid?: number;
  readonly subset?: "pid";
  /** Path of the pid namespace whose processes it is to show (since Linux 6.18). */
  readonly pidns?: string;
  readonly ro?: boolean;
  readonly source?: string;
  /** Other options that the VFS takes before the filesystem sees them, in order. */
  readonly vfs?: readonly string[];
  /** Options that neither procfs nor the VFS has: the call fails with EINVAL, unless a security module knows them. */
  readonly unknown?: readonly string[];
  /** Options of procfs with a value that it does not take: the call fails with EINVAL. */
  readonly invalid?: readonly string[];
}

/** The options of a procfs superblock. */
export interface ProcfsOptions {
  readonly hidepid: Hidepid;
  /** The group that hidepid 1 and 2 do not hold for, as it was written; 0 where there is none. */
  readonly gid: number;
  readonly subset: "pid" | null;
  /** Options that procfs would refuse, so that the mount as a whole fails with EINVAL. */
  readonly refused: readonly string[];
}

type Draft = { -readonly [Key in keyof StatedOptions]: StatedOptions[Key] };

/** Index: the number. enum proc_hidepid of include/linux/proc_fs.h; 3 is not used. */
const HIDEPID_NUMBERS: readonly (Hidepid | undefined)[] = [
  "off",
  "noaccess",
  "invisible",
  undefined,
  "ptraceable",
];

/** vfs_parse_sb_flag() of fs/fs_context.c, but for ro and rw: only the key counts, whatever its value is. */
const VFS_FLAGS: ReadonlySet<string> = new Set(
  "sync async dirsync lazytime nolazytime mand nomand".split(" "),
);

/**
 * Reads a list of procfs options as the kernel does (vfs_parse_monolithic_sep() of fs/fs_context.c, then
 * fs/proc/root.c): that of mountinfo, or the data of mount(2) (`"hidepid=2,gid=4"`). The last one wins, and empty items
 * and items without a key count for nothing. `hasSource`: mount(2) was given a source already.
 */
export function readProcfsOptions(options: readonly string[] | string, hasSource = false): StatedOptions {
  const stated: Draft = {};
  for (const option of typeof options === "string" ? options.split(",") : options) {
    const equals = option.indexOf("=");
    if (option === "" || equals === 0) continue;
    const key = equals < 0 ? option : option.slice(0, equals);
    // vfs_parse_fs_param_source(): "Multiple sources"
    if (key === "source" && (hasSource || stated.source !== undefined)) refuse(stated, option);
    else put(stated, option, key, equals < 0 ? null : option.slice(equals + 1));
  }
  return stated;
}

/** What one option says, as fsconfig(2) gives it; `value` is null where it is no string (FSCONFIG_SET_FLAG). */
export function readProcfsOption(key: string, value: string | null): StatedOptions {
  const stated: Draft = {};
  put(stated, value === null ? key : `${key}=${value}`, key, value);
  return stated;
}

/** The options of a superblock, by the list that mountinfo shows of it. What is not in it is off. */
export function parseProcfsOptions(superOptions: readonly string[] | string): ProcfsOptions {
  const {
    hidepid = "off",
    gid = 0,
    subset = null,
    unknown = [],
    invalid = [],
  } = readProcfsOptions(superOptions);
  return { hidepid, gid, subset, refused: [...unknown, ...invalid] };
}

function put(stated: Draft, option: string, key: string, value: string | null): void {
  switch (key) {
    case "ro":
    case "rw":
      stated.ro = key === "ro";
      return;
    case "hidepid": {
      const hidepid = value === null ? null : parseHidepid(value);
      if (hidepid !== null) stated.hidepid = hidepid;
      else refuse(stated, option);
      return;
    }
    case "gid": {
      const gid = value === null ? null : parseKernelUint(value);
      if (gid !== null) stated.gid = gid;
      else refuse(stated, option);
      return;
    }
    case "subset":
      // a comma can be in it only where it is the value of one option: fsconfig(2)
      if (value === null || value === "" || !value.split(",").every(isSubset)) refuse(stated, option);
      else if (value.includes("pid")) stated.subset = "pid";
      return;
    case "pidns":
      if (value) stated.pidns = value;
      else refuse(stated, option);
      return;
    case "source":
      if (value === null) refuse(stated, option);
      else stated.source = value;
      return;
  }
  if (VFS_FLAGS.has(key)) stated.vfs = [...(stated.vfs ?? []), key];
  else stated.unknown = [...(stated.unknown ?? []), option];
}

/** proc_parse_subset_param() leaves out empty parts. */
function isSubset(part: string): boolean {
  return part === "" || part === "pid";
}

function refuse(stated: Draft, option: string): void {
  stated.invalid = [...(stated.invalid ?? []), option];
}

/** A value of `hidepid` as the kernel reads it, a number or a name; null: EINVAL. */
export function parseHidepid(value: string): Hidepid | null {
  const number = parseKernelUint(value);
  if (number !== null) return HIDEPID_NUMBERS[number] ?? null;
  return HIDEPID_NUMBERS.find((name) => name === value) ?? null;
}

/**
 * kstrtouint() of lib/kstrtox.c with base 0: an optional plus sign, then hexadecimal after `0x`, octal after
 * `0`, else decimal, then at most one newline; null where that fails or does not fit 32 bits.
 */
export function parseKernelUint(text: string): number | null {
  const match = /^\+?(?:0[xX]([0-9a-fA-F]+)|(0[0-7]*)|([1-9][0-9]*))\n?$/.exec(text);
  if (match === null) return null;
  const [, hexadecimal, octal, decimal] = match;
  let number: number;
  if (hexadecimal !== undefined) number = Number.parseInt(hexadecimal, 16);
  else if (octal !== undefined) number = Number.parseInt(octal, 8);
  else number = Number(decimal);
  return number <= 0xffffffff ? number : null;
}
