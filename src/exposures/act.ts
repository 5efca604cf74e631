import type { SyscallEvent } from "../event.js";
import type { NsInums } from "../kernel/links.js";
import type { ContainerView } from "./container-view.js";
import type { Loss, Protection } from "./protections.js";
import type { Rule } from "./rule.js";

/** A system call as the rules see it: with or without the publisher's number. */
export type ObservedCall = Omit<SyscallEvent, "schema" | "seq" | "node"> & { readonly seq?: number };

/** What the agent knows around a call. */
export interface ActContext {
  readonly hostNs: NsInums;
  /** The namespaces of the caller's parent, null where they are not known. */
  readonly parentNs: NsInums | null;
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
  /** Says that the rule would have fired but for `reason`. */
  suppress(reason: string): void;
}

export interface ActRule extends Rule<Act> {
  /** The system calls it is evaluated for. */
  readonly syscalls: readonly string[];
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
