/**
 * Why fsopen(2), fspick(2), fsconfig(2) and fsmount(2) were refused: fs/fsopen.c, fs/fs_context.c, fs/namespace.c,
 * fs/super.c and fs/proc/root.c of Linux 5.10 to 7.3, in the order of their checks.
 */
import type { AskedOptions } from "../../event.js";
import {
  badDescriptor,
  type Causes,
  FILTER,
  FILTER_OR_MODULE,
  has,
  hasUnknown,
  MAY_NOT_MOUNT,
  older,
  Phase,
  PIDNS_ABOVE,
  type Reasons,
  type Refused,
  revealing,
  UNKNOWN_FLAGS,
} from "./refused.js";

const NOT_CONTEXT = "fd is not a filesystem context";
const PIDNS_OWNER =
  "the caller lacks CAP_SYS_ADMIN in the user namespace that owns the pid namespace of pidns";
export const PIDNS_FIXED = "the pid namespace of an existing procfs cannot be changed";
const FILESYSTEM = "the filesystem itself refused it";
const MAX_BINARY = 1024 * 1024;

export const FSOPEN: Reasons = {
  EINVAL: ({ args }) => (hasUnknown(args.flags) ? UNKNOWN_FLAGS : undefined),
  EPERM: () => [FILTER, MAY_NOT_MOUNT, FILESYSTEM],
  ENODEV: () => "the kernel has no filesystem of that name",
};

export const FSPICK: Reasons = {
  EINVAL: ({ args }) => (hasUnknown(args.flags) ? UNKNOWN_FLAGS : "path is not the root of a mount"),
  EPERM: () => [FILTER, MAY_NOT_MOUNT],
};

export const FSCONFIG: Reasons = {
  EBADF: (call) => {
    if (call.target?.via !== "fscontext") return badDescriptor(call);
    return call.args.cmd === "FSCONFIG_SET_FD"
      ? "aux is not open, or was opened with O_PATH, which older kernels do not take here"
      : undefined;
  },
  EINVAL: fsconfigInvalid,
  EBUSY: fsconfigBusy,
  EPERM: fsconfigNotPermitted,
  EOPNOTSUPP: (call) => {
    const { cmd } = call.args;
    if (typeof cmd === "string" && cmd.startsWith("0x")) return "the kernel does not know the command";
    if (cmd !== "FSCONFIG_CMD_CREATE_EXCL") return undefined;
    return [
      ...older(call, "FSCONFIG_CMD_CREATE_EXCL", 6, 6),
      "the filesystem has the old interface for mounting",
    ];
  },
};

export const FSMOUNT: Reasons = {
  EBADF: badDescriptor,
  EINVAL: fsmountInvalid,
  EBUSY: ({ target }) =>
    target?.via === "fscontext"
      ? "the context does not wait to be mounted: it has been, or is one of fspick(2)"
      : undefined,
  EPERM: (call) => {
    const type = call.target?.via === "fscontext" ? call.target.fs_type : null;
    const hides = type === "proc" || type === "sysfs";
    return [FILTER, MAY_NOT_MOUNT, ...(hides ? revealing(call) : [])];
  },
};

/** What each command takes, checked before all else. */
function fitsCommand({ args, unreadable }: Refused): boolean {
  const { cmd, aux } = args;
  const hasKey = args.key !== null || unreadable.key !== undefined;
  const hasValue = args.value !== null || unreadable.value !== undefined;
  switch (cmd) {
    case "FSCONFIG_SET_FLAG":
      return hasKey && !hasValue && aux === 0;
    case "FSCONFIG_SET_STRING":
      return hasKey && hasValue && aux === 0;
    case "FSCONFIG_SET_BINARY":
      return hasKey && hasValue && typeof aux === "number" && aux > 0 && aux <= MAX_BINARY;
    case "FSCONFIG_SET_PATH":
    case "FSCONFIG_SET_PATH_EMPTY":
      return hasKey && hasValue && (aux === "AT_FDCWD" || (typeof aux === "number" && aux >= 0));
    case "FSCONFIG_SET_FD":
      return hasKey && !hasValue && typeof aux === "number" && aux >= 0;
    default:
      return !hasKey && !hasValue && aux === 0;
  }
}

function isSet({ args }: Refused): boolean {
  return typeof args.cmd === "string" && args.cmd.startsWith("FSCONFIG_SET_");
}

function fsconfigInvalid(call: Refused): Causes {
  const { args, target, options, stable } = call;
  if (typeof args.fd === "number" && args.fd < 0) return "fd is negative";
  if (!fitsCommand(call)) return `${args.cmd} does not take such a key, value and aux`;
  if (target === undefined) return undefined;
  if (target.via !== "fscontext") return NOT_CONTEXT;
  if (target.fs_type !== "proc") return undefined;
  // reconfigure_super(), proc_reconfigure()
  if (args.cmd === "FSCONFIG_CMD_RECONFIGURE")
    return ["dirsync cannot be changed", ...(call.isSince(7, 2) ? ["subset=pid cannot be changed"] : [])];
  if (!isSet(call) || !stable || options === null || options === undefined) return undefined;
  if (options.source !== undefined) return "source has been set before";
  return procfsRefuses(call, options);
}

/** Options of SELinux and Smack, which the module looks at first. */
const OF_MODULES = /^(?:(?:fs|def|root)?context|seclabel|smackfs)/;

/** Why procfs refuses what it was asked for: proc_parse_param(), fs_parse() of fs/fs_parser.c. */
export function procfsRefuses(call: Refused, { invalid = [], unknown = [], pidns }: AskedOptions): Causes {
  if (unknown.some((option) => OF_MODULES.test(option))) return undefined;
  const causes: string[] = [];
  if (invalid.length > 0) causes.push("procfs does not take the value of an option (options.invalid)");
  if (unknown.length > 0) causes.push("procfs has no such option (options.unknown)");
  if (pidns !== undefined || invalid.some((option) => option.startsWith("pidns")))
    causes.push(...older(call, "procfs's option pidns", 6, 18));
  if (pidns === undefined) return causes;
  const known = typeof pidns === "string" ? null : (pidns.namespace?.type ?? "none");
  if (known !== "pid") causes.push("pidns is not a pid namespace");
  if (known === "pid" || known === null) causes.push(PIDNS_ABOVE);
  return causes;
}

function fsconfigBusy(call: Refused): Causes {
  const { args, options, phase } = call;
  switch (phase) {
    case null:
      return undefined;
    case Phase.failed:
      if (isSet(call)) return "a command on the context failed before: it can only be closed";
      return ["a command on the context failed before: it can only be closed", FILESYSTEM];
    case Phase.awaitingMount:
      return "the context has its superblock and waits for fsmount(2)";
    case Phase.createParams:
    case Phase.reconfParams:
      if (!isSet(call))
        return `the context is not one for ${args.cmd}: fsopen(2) creates, fspick(2) reconfigures`;
      return phase === Phase.reconfParams && options?.pidns !== undefined ? PIDNS_FIXED : undefined;
    default:
      return undefined;
  }
}

function fsconfigNotPermitted({ args, target, options, phase }: Refused): Causes {
  if (target?.via !== "fscontext") return undefined;
  if (args.cmd === "FSCONFIG_CMD_CREATE" || args.cmd === "FSCONFIG_CMD_CREATE_EXCL") {
    // mount_capable() is asked before the phase changes, the filesystem after it
    if (phase !== Phase.createParams) return undefined;
    return [
      FILTER,
      "the caller lacks CAP_SYS_ADMIN in the user namespace that the filesystem would belong to",
    ];
  }
  if (target.fs_type !== "proc") return undefined;
  if (args.cmd === "FSCONFIG_CMD_RECONFIGURE")
    return [
      FILTER_OR_MODULE,
      "the caller lacks CAP_SYS_ADMIN in the user namespace that owns the superblock",
    ];
  if (options?.pidns === undefined) return undefined;
  const causes = [FILTER_OR_MODULE, PIDNS_OWNER];
  return args.cmd === "FSCONFIG_SET_FD" ? causes : [...causes, "the caller may not open the path"];
}

function fsmountInvalid(call: Refused): Causes {
  const { target, created } = call;
  const { flags, attr_flags } = call.args;
  if (hasUnknown(flags)) return UNKNOWN_FLAGS;
  if (hasUnknown(attr_flags) || has(attr_flags, "MOUNT_ATTR_IDMAP"))
    return "attr_flags has bits that fsmount(2) does not take";
  const both = has(attr_flags, "MOUNT_ATTR_NOATIME") && has(attr_flags, "MOUNT_ATTR_STRICTATIME");
  if (both || has(attr_flags, "MOUNT_ATTR__ATIME"))
    return "attr_flags names more than one way to keep access times";
  const causes: string[] = [];
  if (has(flags, "FSMOUNT_NAMESPACE")) causes.push(...older(call, "FSMOUNT_NAMESPACE", 7, 1));
  if (has(attr_flags, "MOUNT_ATTR_NOSYMFOLLOW")) causes.push(...older(call, "MOUNT_ATTR_NOSYMFOLLOW", 5, 14));
  if (target?.via !== "fscontext") causes.push(NOT_CONTEXT);
  else if (!created) causes.push("the context has no superblock: FSCONFIG_CMD_CREATE makes it");
  return causes;
}
