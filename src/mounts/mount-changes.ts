import type { SyscallEvent } from "../event.js";

/** Calls after which a mount table may be another. */
export const CHANGES_TABLE: ReadonlySet<string> = new Set([
  ...["mount", "umount2", "umount", "move_mount", "mount_setattr", "open_tree_attr", "pivot_root"],
]);

/** Calls after which a mount table, or what is seen through it, may be another. */
export const CHANGES_MOUNTS: ReadonlySet<string> = new Set([...CHANGES_TABLE, "fsconfig", "chroot"]);

/**
 * Whether the call was to give a superblock that was there other options, which every table shows that has a mount of it.
 * A remount with MS_BIND changes the mount alone (mount(2)).
 */
export function reconfigures({ syscall, args }: Pick<SyscallEvent, "syscall" | "args">): boolean {
  if (syscall === "fsconfig") return args.cmd === "FSCONFIG_CMD_RECONFIGURE";
  const flags = args.mountflags;
  return Array.isArray(flags) && flags.includes("MS_REMOUNT") && !flags.includes("MS_BIND");
}

/** Whether the mount at the root of its mount namespace may be another one now. */
export function changesRoot({ syscall, args }: Pick<SyscallEvent, "syscall" | "args">): boolean {
  if (syscall === "mount") return Array.isArray(args.mountflags) && args.mountflags.includes("MS_MOVE");
  return syscall === "pivot_root" || syscall === "chroot" || syscall === "move_mount";
}

/** Operations of mount(2) on mounts alone. */
const NO_SUPERBLOCK = ["MS_BIND", "MS_MOVE", "MS_SHARED", "MS_PRIVATE", "MS_SLAVE", "MS_UNBINDABLE"];

/**
 * Whether the call made a superblock or gave one other options. The type's name is no help: it is user memory. The order
 * is that of path_mount() in fs/namespace.c, which asks for MS_REMOUNT before any propagation.
 */
export function changesSuperblock(event: SyscallEvent): boolean {
  const { syscall, args, outcome } = event;
  if (syscall === "fsconfig") {
    return (
      typeof args.cmd === "string" && args.cmd.startsWith("FSCONFIG_CMD_") && outcome?.procfs !== undefined
    );
  }
  const flags = args.mountflags;
  if (syscall !== "mount" || !Array.isArray(flags)) return false;
  return reconfigures(event) || !["MS_REMOUNT", ...NO_SUPERBLOCK].some((flag) => flags.includes(flag));
}
