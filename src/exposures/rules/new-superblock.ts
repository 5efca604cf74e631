import { hasFlag, isRewritable, type ObservedCall } from "../act.js";

/** mount(2) with any of these makes no superblock. */
const NOT_NEW = ["MS_REMOUNT", "MS_BIND", "MS_MOVE", "MS_SHARED", "MS_PRIVATE", "MS_SLAVE", "MS_UNBINDABLE"];

/** Whether the call is one that makes a superblock: mount(2) of a type, or the creating commands of fsconfig(2). */
export function makesSuperblock(call: ObservedCall): boolean {
  const { cmd } = call.args;
  if (call.syscall === "fsconfig") return cmd === "FSCONFIG_CMD_CREATE" || cmd === "FSCONFIG_CMD_CREATE_EXCL";
  return call.syscall === "mount" && !NOT_NEW.some((flag) => hasFlag(call, "mountflags", flag));
}

/**
 * Whether the call is about a file system of that type, by the kernel's word where there is one. Null: it asked for one,
 * but the string that was read need not be the one that the kernel read.
 */
export function isOfType(call: ObservedCall, type: string): boolean | null {
  const { target, outcome, args } = call;
  if (target?.via === "fscontext") return target.fs_type === type;
  if (outcome?.procfs !== undefined) return type === "proc";
  if (outcome?.mount !== undefined) return outcome.mount.fs_type === type;
  const asked = args.filesystemtype === type;
  return asked && isRewritable(call) ? null : asked;
}
