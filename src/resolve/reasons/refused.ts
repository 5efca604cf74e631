/** What the tables of reasons look at, and the causes that they share. */
import type { Arg, AskedOptions, Namespaces, SyscallEvent, Target } from "../../event.js";
import { LINK_INDEX, type NsInums } from "../../kernel/links.js";
import type { NamespaceGraph } from "../../namespaces/graph.js";

/** A call that failed, and what its record says about it. */
export interface Refused {
  readonly args: SyscallEvent["args"];
  readonly unreadable: { readonly [name: string]: string };
  readonly target: Target | undefined;
  readonly options: AskedOptions | null | undefined;
  /** Nobody else could write what the caller's pointers lead to: it is what the kernel has read. */
  readonly stable: boolean;
  /** Of the fs context, {@link Phase}; null where there is none. */
  readonly phase: number | null;
  /** Whether the fs context has a superblock. */
  readonly created: boolean;
  /** The caller's, as are `namespaces`. */
  readonly ns: NsInums;
  readonly namespaces: Namespaces;
  readonly graph: Pick<NamespaceGraph, "get" | "isInit">;
  /** Whether the kernel is of that release or a newer one. */
  readonly isSince: (major: number, minor: number) => boolean;
}

/** One cause, or all that there can be; undefined where there can be others. */
export type Causes = string | readonly string[] | undefined;
export type Explain = (call: Refused) => Causes;
/** By errno. */
export type Reasons = { readonly [errno: string]: Explain };

/** Members of enum fs_context_phase, include/linux/fs_context.h. */
export const Phase = { createParams: 0, awaitingMount: 2, reconfParams: 4, failed: 6 } as const;

/** A filter can answer with any errno, before the kernel looks at anything (seccomp(2)). */
export const FILTER = "a seccomp filter refused the call";
/** For calls that have a hook for security modules: of the calls here those on mounts, and CLONE_NEWUSER. */
export const FILTER_OR_MODULE = "a seccomp filter or a security module refused the call";
export const UNKNOWN_FLAGS = "flags has bits that the kernel does not know";
/** may_mount() of fs/namespace.c */
export const MAY_NOT_MOUNT =
  "the caller lacks CAP_SYS_ADMIN in the user namespace that owns its mount namespace";
export const LACKS_ADMIN = "the caller lacks CAP_SYS_ADMIN in its own user namespace";
export const LACKS_CHROOT = "the caller lacks CAP_SYS_CHROOT in its own user namespace";
export const SHARED_FS =
  "the caller shares its root and working directory with another task (CLONE_FS), as threads do";
/** pidns_install() of kernel/pid_namespace.c, proc_parse_pidns_param() of fs/proc/root.c */
export const PIDNS_ABOVE = "the pid namespace is neither the caller's own nor a descendant of it";
const REVEALING =
  "mount too revealing: mounts over the instances of it that the caller has hide what a new one would show";
export const NOT_OPEN = "fd is not an open descriptor";

/** fdget() of include/linux/file.h refuses O_PATH; what is not open has no target. */
export const badDescriptor: Explain = ({ target }) =>
  target === undefined ? NOT_OPEN : "fd was opened with O_PATH";

/** mount_too_revealing() of fs/namespace.c, which is for mount namespaces of others than the initial user namespace. */
export function revealing({ graph, ns }: Refused): readonly string[] {
  const owner = graph.get("mnt", ns[LINK_INDEX.mnt]!)?.owner;
  return owner && graph.isInit("user", owner.inum) ? [] : [REVEALING];
}

/** What a kernel before that release does not know, as a cause; none of a newer one. */
export function older({ isSince }: Refused, what: string, major: number, minor: number): readonly string[] {
  return isSince(major, minor) ? [] : [`the kernel is older than ${what} (Linux ${major}.${minor})`];
}

/** The names in a flag word. */
export function names(arg: Arg | undefined): readonly string[] {
  return Array.isArray(arg) ? (arg as readonly string[]) : [];
}

export function has(arg: Arg | undefined, name: string): boolean {
  return names(arg).includes(name);
}

/** Bits without a name stand as one number, see flagNames(). No kernel up to Linux 7.3 knows them. */
export function hasUnknown(arg: Arg | undefined): boolean {
  return names(arg).some((name) => name.startsWith("0x"));
}
