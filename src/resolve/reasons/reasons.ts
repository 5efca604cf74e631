import { CLONE, CLONE3, SETNS, UNSHARE } from "./crossings.js";
import { FSCONFIG, FSMOUNT, FSOPEN, FSPICK } from "./fs-context.js";
import {
  CHROOT,
  FCHROOT,
  MOUNT,
  MOUNT_SETATTR,
  MOVE_MOUNT,
  OPEN_TREE,
  OPEN_TREE_ATTR,
  PIVOT_ROOT,
} from "./mounts.js";
import type { Reasons, Refused } from "./refused.js";

/**
 * Why the kernel refused a call, by call and errno: the causes that its source leaves once arguments, target and
 * namespaces are known. An errno that is not here can have causes that a record does not tell apart.
 */
const REASONS: { readonly [syscall: string]: Reasons } = {
  setns: SETNS,
  unshare: UNSHARE,
  clone: CLONE,
  clone3: CLONE3,
  fsopen: FSOPEN,
  fspick: FSPICK,
  fsconfig: FSCONFIG,
  fsmount: FSMOUNT,
  mount: MOUNT,
  move_mount: MOVE_MOUNT,
  open_tree: OPEN_TREE,
  open_tree_attr: OPEN_TREE_ATTR,
  mount_setattr: MOUNT_SETATTR,
  pivot_root: PIVOT_ROOT,
  chroot: CHROOT,
  fchroot: FCHROOT,
};

/** Of every call; profiles for containers make filters answer so (seccomp(2)). */
const NO_SUCH_CALL = "one of: the kernel does not have the call; a seccomp filter answers for it";

/**
 * Why `syscall` failed with `errno`: one cause in words, or `one of: ` and all that there can be, separated by `; `.
 * Undefined where there can be others.
 */
export function reasonOf(syscall: string, errno: string, call: Refused): string | undefined {
  if (errno === "ENOSYS") return NO_SUCH_CALL;
  const causes = REASONS[syscall]?.[errno]?.(call);
  if (causes === undefined || typeof causes === "string") return causes;
  return causes.length < 2 ? causes[0] : `one of: ${causes.join("; ")}`;
}
