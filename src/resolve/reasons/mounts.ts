/**
 * Why calls on mounts and roots were refused: fs/namespace.c and fs/open.c of Linux 5.10 to 7.3, in the order of their
 * checks. Most of their errors are of paths and of the mounts there, which a record does not have: they have no reason.
 */

import type { AskedOptions } from "../../event.js";
import { PIDNS_FIXED, procfsRefuses } from "./fs-context.js";
import {
  type Causes,
  FILTER,
  FILTER_OR_MODULE,
  has,
  hasUnknown,
  LACKS_CHROOT,
  MAY_NOT_MOUNT,
  NOT_OPEN,
  names,
  type Reasons,
  type Refused,
  revealing,
  SHARED_FS,
  UNKNOWN_FLAGS,
} from "./refused.js";

/** MOUNT_ATTR_SIZE_VER0 of include/uapi/linux/mount.h */
const MOUNT_ATTR_SIZE = 32;
const PAGE_SIZE = 4096;

export const MOUNT: Reasons = {
  // options are read before anything that they have no part in is looked at
  EINVAL: (call) =>
    call.stable && call.options?.fs_type === "proc" && !has(call.args.mountflags, "MS_NOUSER")
      ? refusedOptions(call, call.options)
      : undefined,
  EBUSY: ({ args, options, stable }) =>
    stable && has(args.mountflags, "MS_REMOUNT") && options?.pidns !== undefined ? PIDNS_FIXED : undefined,
  EPERM: mountNotPermitted,
};

export const MOVE_MOUNT: Reasons = {
  EINVAL: ({ args }) => (hasUnknown(args.flags) ? UNKNOWN_FLAGS : undefined),
};

export const OPEN_TREE: Reasons = {
  EINVAL: openTreeInvalid,
  EPERM: ({ args }) => (makesTree(args) ? [FILTER, MAY_NOT_MOUNT] : undefined),
};

export const OPEN_TREE_ATTR: Reasons = {
  EINVAL: (call) => openTreeInvalid(call) ?? (call.args.attr === null ? undefined : setattrInvalid(call)),
  E2BIG: setattrTooBig,
};

export const MOUNT_SETATTR: Reasons = { EINVAL: setattrInvalid, E2BIG: setattrTooBig };

export const CHROOT: Reasons = { EPERM: () => [FILTER_OR_MODULE, LACKS_CHROOT] };

export const FCHROOT: Reasons = {
  EBADF: ({ target }) => (target === undefined ? NOT_OPEN : undefined),
  EINVAL: ({ args }) => {
    if (names(args.flags).length > 0) return "flags is not 0";
    return args.fd === "FD_FAILFS_ROOT" ? SHARED_FS : undefined;
  },
  EPERM: ({ args }) => {
    const causes = [FILTER_OR_MODULE, LACKS_CHROOT];
    if (args.fd !== "FD_FAILFS_ROOT") return causes;
    return [FILTER_OR_MODULE, `${LACKS_CHROOT}, and has not set no_new_privs or is in a chroot`];
  },
};

export const PIVOT_ROOT: Reasons = { EPERM: () => [FILTER_OR_MODULE, MAY_NOT_MOUNT] };

function refusedOptions(call: Refused, options: AskedOptions): Causes {
  const refused = options.invalid !== undefined || options.unknown !== undefined;
  return refused ? procfsRefuses(call, options) : undefined;
}

/** With any of these mount(2) makes no superblock: path_mount(). */
const NOT_NEW = ["MS_REMOUNT", "MS_BIND", "MS_MOVE", "MS_SHARED", "MS_PRIVATE", "MS_SLAVE", "MS_UNBINDABLE"];

function mountNotPermitted(call: Refused): Causes {
  const { args, options, stable } = call;
  if (!stable || args.filesystemtype !== "proc") return undefined;
  if (NOT_NEW.some((flag) => has(args.mountflags, flag))) return undefined;
  // path_mount(), mount_capable(), proc_parse_pidns_param(), mount_too_revealing()
  const causes = [
    FILTER_OR_MODULE,
    MAY_NOT_MOUNT,
    "the caller lacks CAP_SYS_ADMIN in the user namespace that owns the pid namespace",
    ...revealing(call),
  ];
  return options?.pidns === undefined ? causes : [...causes, "the caller may not open the path of pidns"];
}

function makesTree({ flags }: Refused["args"]): boolean {
  return has(flags, "OPEN_TREE_CLONE") || has(flags, "OPEN_TREE_NAMESPACE");
}

function openTreeInvalid({ args }: Refused): Causes {
  if (hasUnknown(args.flags)) return UNKNOWN_FLAGS;
  if (has(args.flags, "OPEN_TREE_CLONE") && has(args.flags, "OPEN_TREE_NAMESPACE"))
    return "OPEN_TREE_CLONE and OPEN_TREE_NAMESPACE exclude each other";
  return has(args.flags, "AT_RECURSIVE") && !makesTree(args)
    ? "AT_RECURSIVE needs OPEN_TREE_CLONE"
    : undefined;
}

function setattrInvalid({ args, stable }: Refused): Causes {
  if (hasUnknown(args.flags)) return UNKNOWN_FLAGS;
  if (typeof args.size === "number" && args.size < MOUNT_ATTR_SIZE)
    return "size is smaller than struct mount_attr (32 bytes)";
  const attr = args.attr as { readonly [member: string]: readonly string[] } | null;
  if (attr === null || !stable) return undefined;
  if (hasUnknown(attr.attr_set) || hasUnknown(attr.attr_clr))
    return "attr has attributes that the kernel does not know";
  if (names(attr.propagation).length > 1) return "attr names more than one type of propagation";
  return hasUnknown(attr.propagation) ? "attr has a propagation that is none" : undefined;
}

/** wants_mount_setattr(), copy_struct_from_user() */
function setattrTooBig({ args }: Refused): Causes {
  const longer = "attr is longer than what the kernel knows of it, and not zero there";
  return typeof args.size === "number" && args.size > PAGE_SIZE
    ? [longer, "size is larger than a page"]
    : longer;
}
