export type Hidepid = "off" | "noaccess" | "invisible" | "ptraceable";

/** The options of a procfs superblock (proc(5)). */
export interface ProcfsOptions {
  readonly hidepid: Hidepid;
  /** The group that hidepid 1 and 2 do not hold for, as it was written; 0 where there is none. */
  readonly gid: number;
  readonly subset: "pid" | null;
  /** Options that procfs would refuse, so that the mount as a whole fails with EINVAL. */
  readonly unknown: readonly string[];
}

/** Index: the number. enum proc_hidepid of include/linux/proc_fs.h; 3 is not used. */
const HIDEPID_NUMBERS: readonly (Hidepid | undefined)[] = [
  "off",
  "noaccess",
  "invisible",
  undefined,
  "ptraceable",
];

/** What the VFS takes before the filesystem sees it: vfs_parse_sb_flag() of fs/fs_context.c, and `source`. */
const VFS_OPTIONS: ReadonlySet<string> = new Set(
  "ro rw sync async dirsync lazytime nolazytime mand nomand source".split(" "),
);

/**
 * Reads procfs options as fs/proc/root.c does: those of mountinfo, and the data of mount(2) (`"hidepid=2,gid=4"`).
 * Numbers may be decimal, octal or hexadecimal (`0x2`, `02`), hidepid may be a name, the last one wins, and
 * empty items count for nothing.
 */
export function parseProcfsOptions(superOptions: readonly string[] | string): ProcfsOptions {
  const options = typeof superOptions === "string" ? superOptions.split(",") : superOptions;
  let hidepid: Hidepid = "off";
  let gid = 0;
  let subset: "pid" | null = null;
  const unknown: string[] = [];
  for (const option of options) {
    if (option === "") continue;
    const equals = option.indexOf("=");
    const key = equals < 0 ? option : option.slice(0, equals);
    const value = equals < 0 ? null : option.slice(equals + 1);
    if (VFS_OPTIONS.has(key)) continue;

    const parsedHidepid = key === "hidepid" && value !== null ? parseHidepid(value) : null;
    const parsedGid = key === "gid" && value !== null ? parseKernelUint(value) : null;
    if (parsedHidepid !== null) hidepid = parsedHidepid;
    else if (parsedGid !== null) gid = parsedGid;
    else if (key === "subset" && value === "pid") subset = "pid";
    // Shown by no kernel, but an argument of mount(2) since Linux 6.18: a path to a pid namespace.
    else if (key === "pidns" && value !== null && value !== "") continue;
    else unknown.push(option);
  }
  return { hidepid, gid, subset, unknown };
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
