/** The procfs options that a call asked for, decoded from its arguments as the kernel would read them. */
import type { Arguments } from "../capture/arguments.js";
import type { NsfsTarget } from "../capture/target.js";
import type { AskedOptions, PidNsByFd, Target } from "../event.js";
import { LINK_INDEX, type NsInums } from "../kernel/links.js";
import { readProcfsOption, readProcfsOptions } from "../kernel/procfs-options.js";
import type { NamespaceGraph } from "../namespaces/graph.js";
import { pidNsRelation } from "./outcome.js";

/** What is looked at: the arguments, and of fsconfig(2) what its descriptors were. */
interface Asked extends Pick<Arguments, "args" | "truncated" | "unreadable"> {
  readonly target: Target | undefined;
  /** The namespace behind the descriptor that is the value; null where it is none. */
  readonly value: NsfsTarget | null;
  /** Namespaces of the caller. */
  readonly caller: NsInums;
}

/**
 * Undefined where no option of procfs was given, or none can be told to be procfs's; null where there were options that
 * could not be read, or not to their end.
 */
export function askedOptions(
  graph: NamespaceGraph,
  syscall: string,
  asked: Asked,
): AskedOptions | null | undefined {
  if (syscall === "mount") return ofMount(asked);
  return syscall === "fsconfig" ? ofFsconfig(graph, asked) : undefined;
}

/** Flags with which mount(2) reads no data: path_mount() of fs/namespace.c. */
const WITHOUT_DATA: ReadonlySet<string> = new Set([
  ...["MS_BIND", "MS_MOVE"],
  ...["MS_SHARED", "MS_PRIVATE", "MS_SLAVE", "MS_UNBINDABLE"],
]);

/** Keys that no other filesystem has. */
const OF_PROCFS_ALONE = /(?:^|,)(?:hidepid|subset|pidns)(?:=|,|$)/;

function ofMount({ args, truncated, unreadable }: Asked): AskedOptions | null | undefined {
  const flags = args.mountflags as readonly string[];
  const remount = flags.includes("MS_REMOUNT");
  if (!remount && args.filesystemtype !== "proc") return undefined;
  // a remount looks at MS_BIND alone
  if (remount ? flags.includes("MS_BIND") : flags.some((flag) => WITHOUT_DATA.has(flag))) return undefined;
  const { data } = args;
  if (typeof data !== "string") return remount || unreadable.data === undefined ? undefined : null;
  if (!remount) {
    if (truncated.includes("data")) return null;
    return { fs_type: "proc", ...readProcfsOptions(data, args.source !== null) };
  }
  // The type is that of the superblock at target, whatever filesystemtype says.
  if (!OF_PROCFS_ALONE.test(data) || truncated.includes("data")) return undefined;
  const stated = readProcfsOptions(data);
  return stated.unknown === undefined ? { fs_type: null, ...stated } : undefined;
}

function ofFsconfig(graph: NamespaceGraph, asked: Asked): AskedOptions | null | undefined {
  const { args, truncated, unreadable, target } = asked;
  if (target?.via !== "fscontext" || target.fs_type !== "proc") return undefined;
  const { cmd, key, value, aux } = args;
  switch (cmd) {
    case "FSCONFIG_SET_STRING":
    case "FSCONFIG_SET_FLAG":
    case "FSCONFIG_SET_BINARY":
    case "FSCONFIG_SET_PATH":
    case "FSCONFIG_SET_PATH_EMPTY":
    case "FSCONFIG_SET_FD":
      break;
    default:
      return undefined;
  }
  if (typeof key !== "string") return unreadable.key === undefined ? undefined : null;
  if (truncated.includes("key") || truncated.includes("value")) return null;
  if (cmd === "FSCONFIG_SET_STRING") {
    if (typeof value !== "string") return unreadable.value === undefined ? undefined : null;
    return { fs_type: "proc", ...readProcfsOption(key, value) };
  }
  if (cmd === "FSCONFIG_SET_FD" && key === "pidns")
    return { fs_type: "proc", pidns: pidNsByFd(graph, aux as number, asked) };
  return { fs_type: "proc", ...readProcfsOption(key, null) };
}

function pidNsByFd(graph: NamespaceGraph, fd: number, { value, caller }: Asked): PidNsByFd {
  if (value === null) return { fd, namespace: null, relation: null };
  const { type, inum, id } = value;
  return {
    fd,
    namespace: { type, inum, id: id === 0n ? null : String(id) },
    relation: type === "pid" ? pidNsRelation(graph, caller[LINK_INDEX.pid]!, inum) : null,
  };
}
