import type { SyscallEvent } from "../event.js";

/** Calls after which a mount table may be another. */
export const CHANGES_TABLE: ReadonlySet<string> = new Set([
  ...["mount", "umount2", "umount", "move_mount", "mount_setattr", "open_tree_attr", "pivot_root"],
]);

/**
 * Whether the call was to give a superblock that was there other options, which every table shows that has a mount of it.
 * A remount with MS_BIND changes the mount alone (mount(2)).
 */
export function reconfigures({ syscall, args }: Pick<SyscallEvent, "syscall" | "args">): boolean {
  if (syscall === "fsconfig") return args.cmd === "FSCONFIG_CMD_RECONFIGURE";
  const flags = args.mountflags;
  return Array.isArray(flags) && flags.includes("MS_REMOUNT") && !flags.includes("MS_BIND");
}
