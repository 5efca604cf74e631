/**
 * What Keyhole must say about a call that strace saw: its arguments under their names of man-pages 6.20,
 * flag words as sets of names, strings as bytes. Independent of src/: the names are written down here again.
 */
import type { Arg } from "../../src/event.js";
import type { StraceCall, StraceValue } from "./parse.js";

/** What an argument must be. */
export type Expected =
  | { readonly kind: "exact"; readonly value: Arg }
  /** Names of flags, in any order. */
  | { readonly kind: "set"; readonly names: readonly string[] }
  /** `cut`: strace shows the beginning only. */
  | { readonly kind: "bytes"; readonly bytes: Buffer; readonly cut: boolean }
  /** What a pointer points at was not shown: strace could not read it, or it means nothing to this call. */
  | { readonly kind: "address"; readonly value: bigint }
  | { readonly kind: "fields"; readonly fields: ReadonlyMap<string, Expected> };

export interface ExpectedCall {
  readonly tid: number;
  readonly syscall: string;
  /** Every argument by name, in order; undefined where strace does not show it. */
  readonly args: ReadonlyMap<string, Expected | undefined>;
  readonly ret: bigint | null;
  readonly errno: string | null;
  readonly text: string;
}

/** `pointer` is a number that is written in hexadecimal, null for 0. */
type Shape =
  | "number"
  | "fd"
  | "flags"
  | "word"
  | "string"
  | "pointer"
  | "signal"
  | Readonly<Record<string, unknown>>;

const MOUNT_ATTR = { attr_set: "flags", attr_clr: "flags", propagation: "flags", userns_fd: "number" };
const CLONE_ARGS = {
  flags: "flags",
  pidfd: "pointer",
  child_tid: "pointer",
  parent_tid: "pointer",
  exit_signal: "signal",
  stack: "pointer",
  stack_size: "pointer",
  tls: "pointer",
  set_tid: "list",
  set_tid_size: "number",
  cgroup: "number",
};

const SHAPES: Readonly<Record<string, Readonly<Record<string, Shape>>>> = {
  setns: { fd: "number", nstype: "flags" },
  unshare: { flags: "flags" },
  mount: {
    source: "string",
    target: "string",
    filesystemtype: "string",
    mountflags: "flags",
    data: "string",
  },
  umount: { target: "string" },
  umount2: { target: "string", flags: "flags" },
  fsopen: { fsname: "string", flags: "flags" },
  fspick: { dirfd: "fd", path: "string", flags: "flags" },
  fsconfig: { fd: "number", cmd: "word", key: "string", value: "string", aux: "fd" },
  fsmount: { fd: "number", flags: "flags", attr_flags: "flags" },
  move_mount: { from_dirfd: "fd", from_path: "string", to_dirfd: "fd", to_path: "string", flags: "flags" },
  open_tree: { dirfd: "fd", path: "string", flags: "flags" },
  open_tree_attr: { dirfd: "fd", path: "string", flags: "flags", attr: MOUNT_ATTR, size: "number" },
  mount_setattr: { dirfd: "fd", path: "string", flags: "flags", attr: MOUNT_ATTR, size: "number" },
  pivot_root: { new_root: "string", put_old: "string" },
  chroot: { path: "string" },
  pidfd_open: { pid: "number", flags: "flags" },
  clone: { flags: "flags", stack: "pointer", parent_tid: "pointer", child_tid: "pointer", tls: "pointer" },
  clone3: { cl_args: CLONE_ARGS, size: "number" },
};

/** strace's own names of the arguments of clone(2). */
const CLONE_NAMES: Readonly<Record<string, string>> = { child_stack: "stack", child_tidptr: "child_tid" };

/** The calls to be traced, as `strace -e trace=` takes them; `?` because an architecture may lack one. */
export const TRACED = Object.keys(SHAPES)
  .map((name) => `?${name}`)
  .join(",");

/** What Keyhole must publish for `calls`: a clone counts only where it asks for a namespace. */
export function expectedCalls(calls: readonly StraceCall[]): ExpectedCall[] {
  return calls.map(expectedCall).filter(({ syscall, args }) => {
    if (syscall !== "clone" && syscall !== "clone3") return true;
    const given = args.get("cl_args") ?? args.get("flags");
    const flags = given?.kind === "fields" ? given.fields.get("flags") : given;
    return flags?.kind === "set" && flags.names.some((name) => name.startsWith("CLONE_NEW"));
  });
}

function expectedCall(call: StraceCall): ExpectedCall {
  const shapes = SHAPES[call.name];
  if (shapes === undefined) throw new Error(`no shape for ${call.name}`);
  const args = new Map<string, Expected | undefined>();
  Object.entries(shapes).forEach(([name, shape], index) => {
    const named = call.args.find((arg) => arg.name !== null && (CLONE_NAMES[arg.name] ?? arg.name) === name);
    const given = call.name === "clone" ? named : call.args[index];
    args.set(name, given === undefined ? undefined : expected(shape, given.value));
  });
  const { tid, name, ret, errno, text } = call;
  return { tid, syscall: name, args, ret, errno, text };
}

function expected(shape: unknown, value: StraceValue): Expected | undefined {
  if (value.kind === "null") return { kind: "exact", value: null };
  if (value.kind === "string") return { ...value, kind: "bytes" };
  if (value.kind === "struct") return expectedFields(shape, value.fields);
  // strace follows these pointers when the call has returned.
  if (value.kind === "list") return undefined;
  if (shape === "flags") return { kind: "set", names: flagNames(value) };
  if (value.kind === "names") return { kind: "exact", value: value.names.join("|") };
  return expectedNumber(shape, value.value);
}

function expectedFields(shape: unknown, fields: ReadonlyMap<string, StraceValue>): Expected {
  const shapes = shape as Readonly<Record<string, unknown>>;
  const known = [...fields].filter(([name]) => name in shapes);
  const pairs = known.map(([name, field]) => [name, expected(shapes[name], field)] as const);
  return { kind: "fields", fields: new Map(pairs.flatMap(([name, want]) => (want ? [[name, want]] : []))) };
}

function expectedNumber(shape: unknown, value: bigint): Expected {
  switch (shape) {
    case "word":
      return { kind: "exact", value: `0x${value.toString(16)}` };
    case "signal":
      return { kind: "exact", value: value === 0n ? 0 : String(value) };
    case "number":
    case "fd":
      return { kind: "exact", value: Number(value) };
    default:
      return { kind: "address", value };
  }
}

/** strace writes 0 for no flags, and bits it has no name for as hexadecimal words. */
function flagNames(value: StraceValue): readonly string[] {
  if (value.kind === "names") return value.names;
  return value.kind === "number" && value.value !== 0n ? [`0x${value.value.toString(16)}`] : [];
}
