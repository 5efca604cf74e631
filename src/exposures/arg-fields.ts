import { type ArgKind, CALLS } from "../capture/calls.js";
import type { FieldType } from "../config/condition.js";
import type { Arg } from "../event.js";
import type { FactValue } from "./exception.js";
import type { Field, FieldInfo } from "./field.js";

/** What an event's arguments are read from. */
interface WithArgs {
  readonly args: { readonly [name: string]: Arg };
}

type ArgTypes = { readonly [name: string]: FieldType };

/** Names that stand for a descriptor: AT_FDCWD of fcntl.h, and FD_FAILFS_ROOT of include/uapi/linux/fcntl.h. */
const SPECIAL_FDS: Readonly<Record<string, number>> = { AT_FDCWD: -100, FD_FAILFS_ROOT: -10004 };

const KIND_TYPES: { readonly [kind: string]: FieldType } = {
  fd: "int",
  dirfd: "int",
  int: "int",
  unsigned: "int",
  "root-fd": "int",
  "fsconfig-aux": "int",
  flags: "list",
  "clone-flags": "list",
  "mount-flags": "list",
} satisfies { readonly [kind in ArgKind["kind"]]?: FieldType };

/** Arguments that are structures, by their members. */
const MEMBERS: { readonly [kind: string]: ArgTypes } = {
  "mount-attr": { attr_set: "list", attr_clr: "list", propagation: "list", userns_fd: "int" },
  "clone-args": { flags: "list", exit_signal: "string" },
} satisfies { readonly [kind in ArgKind["kind"]]?: ArgTypes };

/** Opens are told for files of pseudo file systems alone: open(2), openat2(2) and open_by_handle_at(2). */
const OPENS: { readonly [call: string]: ArgTypes } = {
  open: { pathname: "string", flags: "list", mode: "string" },
  openat: { dirfd: "int", pathname: "string", flags: "list", mode: "string" },
  openat2: {
    dirfd: "int",
    pathname: "string",
    "how.flags": "list",
    "how.mode": "string",
    "how.resolve": "list",
    size: "int",
  },
  creat: { pathname: "string", mode: "string" },
  open_by_handle_at: { mount_fd: "int", handle: "string", flags: "list" },
};

/** Types of the arguments of each call, members of structures as `attr.attr_set`. */
const ARGUMENTS: ReadonlyMap<string, ArgTypes> = new Map([
  ...CALLS.map(
    ({ name, args }) =>
      [
        name,
        Object.fromEntries(
          args.flatMap(([argument, { kind }]) =>
            kind in MEMBERS
              ? Object.entries(MEMBERS[kind]!).map(([member, type]) => [`${argument}.${member}`, type])
              : [[argument, KIND_TYPES[kind] ?? "string"]],
          ),
        ) as ArgTypes,
      ] as const,
  ),
  ...Object.entries(OPENS),
]);

/** Every system call that an event can be of. */
export const SYSCALLS: readonly string[] = [...ARGUMENTS.keys()];

/**
 * `args.NAME` of the arguments that one of `syscalls` has; null of a call that has not. Of one that two have with another
 * type the first counts.
 */
export function argFields(syscalls: readonly string[]): Field<WithArgs>[] {
  const fields = new Map<string, Field<WithArgs>>();
  for (const syscall of syscalls) {
    for (const [name, type] of Object.entries(ARGUMENTS.get(syscall) ?? {})) {
      if (fields.has(name)) continue;
      const steps = name.split(".");
      fields.set(name, {
        name: `args.${name}`,
        type,
        doc: `argument ${name} of ${callsWith(name)
          .map((call) => `${call}(2)`)
          .join(", ")}`,
        read: ({ args }) => asType(type, memberOf(args, steps)),
      });
    }
  }
  return [...fields.values()];
}

/** The calls that have an argument called `name`, a member of a structure as `attr.attr_set`. */
export function callsWith(name: string): string[] {
  return SYSCALLS.filter((call) => Object.hasOwn(ARGUMENTS.get(call)!, name));
}

/** All arguments of all calls, once each, for who lists them. */
export function allArgFields(): FieldInfo[] {
  return argFields(SYSCALLS);
}

function memberOf(args: WithArgs["args"], steps: readonly string[]): Arg | undefined {
  let value: Arg | undefined = args as Arg;
  for (const step of steps) {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
    value = (value as { readonly [key: string]: Arg })[step];
  }
  return value;
}

function asType(type: FieldType, value: Arg | undefined): FactValue {
  switch (type) {
    case "int":
      return typeof value === "number" ? value : (SPECIAL_FDS[value as string] ?? null);
    case "list":
      return Array.isArray(value) ? value : null;
    default:
      return typeof value === "string" ? value : null;
  }
}
