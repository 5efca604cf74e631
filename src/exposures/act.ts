import type { ContainerRef, SyscallEvent } from "../event.js";
import { LINK_INDEX, type NsInums } from "../kernel/links.js";
import type { Origin } from "../workloads/origins.js";
import { isRuntimeAtWork } from "../workloads/runtimes.js";
import type { ContainerView } from "./container-view.js";
import type { Slot } from "./memory.js";
import type { Loss, Protection } from "./protections.js";
import type { Rule } from "./rule.js";

/** A system call as the rules see it: with or without the publisher's number. */
export type ObservedCall = Omit<SyscallEvent, "schema" | "seq" | "node"> & { readonly seq?: number };

/** What the agent knows around a call. */
export interface ActContext {
  readonly hostNs: NsInums;
  /** The namespaces of the caller's parent, null where they are not known. */
  readonly parentNs: NsInums | null;
  /** Where the caller's program was started: see {@link Origins}. Absent or null: not known. */
  readonly origin?: Origin | null;
  /** The container that the caller is in after the call; null for none. Absent: not known. */
  readonly entered?: () => ContainerRef | null;
  /**
   * The caller's container as the caller itself sees it now, after the call; null when the caller is gone. Reads
   * files of /proc, so that it is asked only where a rule needs it, and at most once a call.
   */
  after(): ContainerView | null;
  /** Executables of the caller's parent and of its parents, as far as they are known. Absent: nobody keeps them. */
  ancestors?(): readonly string[];
}

/** A call of a container's task, as {@link Exposures.act} hands it to the rules. */
export interface Act extends ActContext {
  readonly call: ObservedCall;
  /** The masks and read-only mounts that this call, or one before it, took away; null when nobody could look. */
  losses(): readonly Loss[] | null;
  /** The mask or read-only mount that the container was seen with at `point`. */
  protectionAt(point: string): Protection | null;
  /** What the rule remembers of `key`: see {@link Memory}. */
  recall<Value>(slot: Slot<Value>, key: string): Value;
  /** Says that the rule would have fired but for `reason`. */
  suppress(reason: string): void;
}

export interface ActRule extends Rule<Act> {
  /** The system calls it is evaluated for. */
  readonly syscalls: readonly string[];
  /** Whether it can find anything in `call`: asked first, of every call, and so cheap. Absent: it can. */
  mayConcern?(call: ObservedCall, hostNs: NsInums): boolean;
  /** Whose calls it is asked about: those of containers' tasks, unless it says `host`. */
  readonly callers?: "container" | "host";
}

/** Whether a container runtime at work made the call: see isRuntimeAtWork() of workloads/runtimes.ts. */
export function isByRuntime({
  call,
  hostNs,
  parentNs,
  origin = null,
}: ActContext & Pick<Act, "call">): boolean {
  const { exe, parent } = call.process;
  return isRuntimeAtWork({ exe, parentExe: parent?.exe ?? null, parentNs, origin }, hostNs);
}

/** Whether the caller is in a user namespace that is not the host's. */
export function isInUserNs({ call, hostNs }: Pick<Act, "call" | "hostNs">): boolean {
  const { user } = call.namespaces;
  return user !== undefined && user.inum !== 0 && user.inum !== hostNs[LINK_INDEX.user];
}

/** Who made the call, for a sentence. */
export function whoCalled({ process }: ObservedCall): string {
  return `process ${process.pid} (${process.exe ?? process.comm})`;
}

/** Whether `name` is among the flags of argument `argument`. */
export function hasFlag(call: ObservedCall, argument: string, name: string): boolean {
  const flags = call.args[argument];
  return Array.isArray(flags) && flags.includes(name);
}

/** Whether others could have rewritten the strings that a call was given, so that the kernel may have read others. */
export function isRewritable({ mm_shared, strings }: ObservedCall): boolean {
  return mm_shared === true && strings !== "kernel";
}

/** Argument `argument` where it is a string that the kernel has read so, without a slash at its end. */
export function pathArgument(call: ObservedCall, argument: string): string | null {
  const value = call.args[argument];
  if (isRewritable(call)) return null;
  return typeof value === "string" ? value.replace(/(.)\/+$/, "$1") : null;
}
