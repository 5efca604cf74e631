/**
 * What Keyhole must say about a call that strace saw: its arguments under their names of man-pages 6.20,
 * flag words as sets of names, strings as bytes. Independent of src/: the names are written down here again.
 */
import type { Arg } from "../../src/event.js";
import { ignoredArguments } from "./ignored.js";
import type { Ending, StraceCall, StraceValue } from "./parse.js";

/** What an argument must be. */
export type Expected =
  | { readonly kind: "exact"; readonly value: Arg }
  /** 64 bits: as a number, with or without a sign, or as text in any notation. */
  | { readonly kind: "u64"; readonly value: bigint }
  /** Names of flags, in any order; `low` where strace shows the lower 32 bits only. */
  | { readonly kind: "set"; readonly names: readonly string[]; readonly low: boolean }
  /** `cut`: strace shows the beginning only. */
  | { readonly kind: "bytes"; readonly bytes: Buffer; readonly cut: boolean }
  /** strace wanted to show what a pointer points at and could not read it. */
  | { readonly kind: "address"; readonly value: bigint }
  /** strace never looks at it, because the kernel does not either; Keyhole may or may not have. */
  | { readonly kind: "ignored"; readonly value: bigint }
  | { readonly kind: "fields"; readonly fields: ReadonlyMap<string, Expected> };

export interface ExpectedCall {
  readonly tid: number;
  readonly abi: string;
  readonly syscall: string;
  /** Every argument by name, in order; undefined where strace does not show it. */
  readonly args: ReadonlyMap<string, Expected | undefined>;
  readonly ending: Ending;
  /** Whether the call is one of Keyhole's depends on what strace did not show. */
  readonly optional: boolean;
  readonly text: string;
}

/** What the event calls the machine's own ABI, and that of 32-bit code. */
const [NATIVE_ABI, COMPAT_ABI] = process.arch === "arm64" ? ["arm64", "arm"] : ["x86_64", "i386"];

/** `pointer` is a number that is written in hexadecimal, null for 0. */
type Shape =
  | "number"
  | "u64"
  | "fd"
  | Flags
  | "word"
  | "string"
  | "pointer"
  | "list"
  | Readonly<Record<string, unknown>>;

class Flags {
  /** How much of the word the kernel takes; strace shows all of the register. */
  readonly bits: 32 | 64;
  /** Bits for which strace has no name in this place. */
  readonly unnamed: Readonly<Record<string, bigint>>;

  constructor(bits: 32 | 64, unnamed: Readonly<Record<string, bigint>> = {}) {
    this.bits = bits;
    this.unnamed = unnamed;
  }
}

const flags = new Flags(32);
const wideFlags = new Flags(64);
/** strace shows one type by its name, and several at once, which the kernel refuses, as one number. */
const propagation = new Flags(64, {
  MS_UNBINDABLE: 1n << 17n,
  MS_PRIVATE: 1n << 18n,
  MS_SLAVE: 1n << 19n,
  MS_SHARED: 1n << 20n,
});

const MOUNT_ATTR = { attr_set: wideFlags, attr_clr: wideFlags, propagation, userns_fd: "u64" };
const cloneFlags = new Flags(64, { CLONE_DETACHED: 0x400000n });
const CLONE_ARGS = {
  flags: cloneFlags,
  pidfd: "pointer",
  child_tid: "pointer",
  parent_tid: "pointer",
  exit_signal: "u64",
  stack: "pointer",
  stack_size: "pointer",
  tls: "pointer",
  set_tid: "list",
  set_tid_size: "u64",
  cgroup: "u64",
};

const SHAPES: Readonly<Record<string, Readonly<Record<string, Shape>>>> = {
  setns: { fd: "number", nstype: flags },
  unshare: { flags: new Flags(64, { UNSHARE_EMPTY_MNTNS: 0x100000n }) },
  mount: {
    source: "string",
    target: "string",
    filesystemtype: "string",
    mountflags: wideFlags,
    data: "string",
  },
  umount: { target: "string" },
  umount2: { target: "string", flags },
  fsopen: { fsname: "string", flags },
  fspick: { dirfd: "fd", path: "string", flags },
  fsconfig: { fd: "number", cmd: "word", key: "string", value: "string", aux: "fd" },
  fsmount: { fd: "number", flags, attr_flags: new Flags(32, { MOUNT_ATTR_IDMAP: 0x100000n }) },
  move_mount: { from_dirfd: "fd", from_path: "string", to_dirfd: "fd", to_path: "string", flags },
  open_tree: { dirfd: "fd", path: "string", flags },
  open_tree_attr: { dirfd: "fd", path: "string", flags, attr: MOUNT_ATTR, size: "u64" },
  mount_setattr: { dirfd: "fd", path: "string", flags, attr: MOUNT_ATTR, size: "u64" },
  pivot_root: { new_root: "string", put_old: "string" },
  chroot: { path: "string" },
  pidfd_open: { pid: "number", flags },
  clone: {
    flags: cloneFlags,
    stack: "pointer",
    parent_tid: "pointer",
    child_tid: "pointer",
    tls: "pointer",
  },
  clone3: { cl_args: CLONE_ARGS, size: "u64" },
};

/** strace's own names of the arguments of clone(2). */
const CLONE_NAMES: Readonly<Record<string, string>> = { child_stack: "stack", child_tidptr: "child_tid" };

/** The names of all calls that are compared. */
export const CALLS: readonly string[] = Object.keys(SHAPES);

/** What Keyhole must publish for `calls`: a clone counts only where it asks for a namespace. */
export function expectedCalls(calls: readonly StraceCall[]): ExpectedCall[] {
  return calls.map(expectedCall).filter(({ syscall, args, optional }) => {
    if ((syscall !== "clone" && syscall !== "clone3") || optional) return true;
    const given = args.get("cl_args") ?? args.get("flags");
    const flags = given?.kind === "fields" ? given.fields.get("flags") : given;
    const makes = (name: string) => name.startsWith("CLONE_NEW") || name === "CLONE_EMPTY_MNTNS";
    return flags?.kind === "set" && flags.names.some(makes);
  });
}

function expectedCall(call: StraceCall): ExpectedCall {
  const shapes = SHAPES[call.name];
  if (shapes === undefined) throw new Error(`no shape for ${call.name}`);
  const ignored = ignoredArguments(call);
  const args = new Map<string, Expected | undefined>();
  Object.entries(shapes).forEach(([name, shape], index) => {
    const named = call.args.find((arg) => arg.name !== null && (CLONE_NAMES[arg.name] ?? arg.name) === name);
    const given = call.name === "clone" ? named : call.args[index];
    const value = given && (call.compat ? lowHalf(given.value) : given.value);
    const want = value && expected(shape, value);
    const hidden = want?.kind === "address" && ignored.includes(name);
    args.set(name, hidden ? { kind: "ignored", value: want.value } : want);
  });
  const { tid, name, compat, ending, text } = call;
  const optional = args.get("cl_args")?.kind === "ignored";
  return { tid, abi: compat ? COMPAT_ABI : NATIVE_ABI, syscall: name, args, ending, optional, text };
}

/** Of int $0x80 in 64-bit code strace shows whole registers; the kernel takes the lower half. */
function lowHalf(value: StraceValue): StraceValue {
  if (value.kind === "number" && value.value > 0n)
    return { ...value, value: BigInt.asUintN(32, value.value) };
  if (value.kind !== "names") return value;
  return { kind: "names", names: value.names.map(lowWord).filter((word) => word !== "0x0") };
}

function lowWord(word: string): string {
  return word.startsWith("0x") ? `0x${BigInt.asUintN(32, BigInt(word)).toString(16)}` : word;
}

function expected(shape: unknown, value: StraceValue): Expected | undefined {
  if (value.kind === "null") return { kind: "exact", value: null };
  if (value.kind === "string") return { ...value, kind: "bytes" };
  if (value.kind === "struct") return expectedFields(shape, value.fields);
  // strace follows these pointers when the call has returned.
  if (value.kind === "list") return undefined;
  if (shape instanceof Flags) {
    const names = flagNames(shape, value);
    // strace takes the magic number away together with all above it
    return { kind: "set", names, low: names.includes("MS_MGC_VAL") };
  }
  if (value.kind === "names") return { kind: "exact", value: value.names.join("|") };
  return expectedNumber(shape, value.value);
}

function expectedFields(shape: unknown, fields: ReadonlyMap<string, StraceValue>): Expected | undefined {
  // struct user_desc, which i386's clone(2) is given as tls
  if (shape === "pointer") return undefined;
  const shapes = shape as Readonly<Record<string, unknown>>;
  const known = [...fields].filter(([name]) => name in shapes);
  const pairs = known.map(([name, field]) => [name, expected(shapes[name], field)] as const);
  return { kind: "fields", fields: new Map(pairs.flatMap(([name, want]) => (want ? [[name, want]] : []))) };
}

function expectedNumber(shape: unknown, value: bigint): Expected {
  switch (shape) {
    case "word":
      return { kind: "exact", value: `0x${value.toString(16)}` };
    case "u64":
      return { kind: "u64", value };
    case "number":
    case "fd":
      return { kind: "exact", value: Number(value) };
    default:
      return { kind: "address", value };
  }
}

/**
 * strace writes 0 for no flags, and bits it has no name for as one hexadecimal word. A signal among the flags of
 * clone(2) may be a decimal number.
 */
function flagNames({ bits, unnamed }: Flags, value: StraceValue): readonly string[] {
  const words = value.kind === "names" ? value.names : [];
  const isHex = (word: string) => word.startsWith("0x");
  const number = value.kind === "number" ? value.value : BigInt(words.find(isHex) ?? 0);
  let rest = BigInt.asUintN(bits, number);
  const names = words.filter((word) => !isHex(word));
  for (const [name, bit] of Object.entries(unnamed)) {
    if ((rest & bit) === 0n) continue;
    names.push(name);
    rest &= ~bit;
  }
  return rest === 0n ? names : [...names, `0x${rest.toString(16)}`];
}
