import type { StoryKind, StoryState, SyscallEvent, Unnumbered } from "../event.js";

type Call = Pick<Unnumbered<SyscallEvent>, "syscall" | "args" | "ret" | "outcome">;

const PROPAGATION = ["MS_SHARED", "MS_PRIVATE", "MS_SLAVE", "MS_UNBINDABLE"];

/** What mount(2) does, in the order in which path_mount() of fs/namespace.c asks for its flags. */
function mountKind(flags: readonly string[]): StoryKind {
  if (flags.includes("MS_REMOUNT")) return "remount";
  if (flags.includes("MS_BIND")) return "bind";
  if (PROPAGATION.some((flag) => flags.includes(flag))) return "propagation";
  return flags.includes("MS_MOVE") ? "move" : "mount";
}

/** The kind of a story that consists of this call alone; null for a call that makes none. */
export function oneStepKind({ syscall, args }: Call): StoryKind | null {
  switch (syscall) {
    case "mount":
      return mountKind(flagsOf(args.mountflags));
    case "umount":
    case "umount2":
      return "umount";
    case "pivot_root":
      return "pivot_root";
    case "move_mount":
      return flagsOf(args.flags).includes("MOVE_MOUNT_SET_GROUP") ? "propagation" : "move";
    case "mount_setattr":
      return "attributes";
    case "fsopen":
      return "mount";
    case "fspick":
      return "reconfigure";
    case "open_tree":
    case "open_tree_attr":
      return makesMount(args.flags) ? "clone" : null;
    default:
      return null;
  }
}

/** How a story of one call ended; null for a call that has not returned yet: it will be told when it does. */
export function oneStepEnd(kind: StoryKind, { syscall, args, ret, outcome }: Call): StoryState | null {
  // interrupted: it is made again, and told then
  if (ret === null) return outcome?.restarted === undefined ? "rejected" : null;
  if (ret < 0) return "rejected";
  // its descriptor was closed by another thread before anybody could look
  if (givesFile({ syscall, args })) return "closed";
  // above 0 on calls that give no descriptor: a tracer or a supervisor (seccomp_unotify(2)) answered in the kernel's place
  if (ret > 0 && kind !== "clone") return "rejected";
  return kind === "umount" ? "closed" : "attached";
}

/** Without these flags open_tree(2) opens what is there. */
function makesMount(flags: unknown): boolean {
  const names = flagsOf(flags);
  return names.includes("OPEN_TREE_CLONE") || names.includes("OPEN_TREE_NAMESPACE");
}

/** With OPEN_TREE_NAMESPACE the mounts are attached, in a namespace of their own. */
function givesFile({ syscall, args }: Pick<Call, "syscall" | "args">): boolean {
  if (syscall === "open_tree" || syscall === "open_tree_attr")
    return !flagsOf(args.flags).includes("OPEN_TREE_NAMESPACE");
  return syscall === "fsopen" || syscall === "fspick";
}

export function flagsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? (value as readonly string[]) : [];
}
