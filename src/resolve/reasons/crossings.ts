/**
 * Why setns(2), unshare(2), clone(2) and clone3(2) were refused: kernel/nsproxy.c and the install functions that it
 * calls, kernel/fork.c, kernel/pid_namespace.c, kernel/user_namespace.c and kernel/time/namespace.c of Linux 5.10 to
 * 7.3, in the order of their checks.
 */
import type { Arg } from "../../event.js";
import { LINK_INDEX, NS_FLAGS, type NsInums } from "../../kernel/links.js";
import {
  badDescriptor,
  type Causes,
  FILTER,
  FILTER_OR_MODULE,
  has,
  hasUnknown,
  LACKS_ADMIN,
  LACKS_CHROOT,
  names,
  older,
  PIDNS_ABOVE,
  type Reasons,
  type Refused,
  SHARED_FS,
  UNKNOWN_FLAGS,
} from "./refused.js";

const THREADS = "the caller has other threads";
const NO_TIME = "the kernel has no time namespaces";
const LIMIT = "a limit on namespaces in /proc/sys/user is reached";

export const SETNS: Reasons = {
  EBADF: badDescriptor,
  EINVAL: setnsInvalid,
  EPERM: setnsNotPermitted,
  ESRCH: ({ target }) => (target?.via === "pidfd" ? "the process of the pidfd has ended" : undefined),
  // timens_install()
  EUSERS: () => "a task that shares its memory with another cannot join a time namespace",
};

export const UNSHARE: Reasons = {
  EINVAL: unshareInvalid,
  EPERM: ({ args }) => makeNotPermitted(args.flags),
  ENOSPC: ({ args }) => makeNoSpace(args.flags),
};

export const CLONE: Reasons = {
  EINVAL: ({ args, ns }) => cloneInvalid(args.flags, ns),
  EPERM: ({ args }) => makeNotPermitted(args.flags),
  ENOSPC: ({ args }) => makeNoSpace(args.flags),
};

export const CLONE3: Reasons = {
  EINVAL: (call) => cloneInvalid(clone3Args(call)?.flags, call.ns),
  EPERM: (call) => {
    const args = clone3Args(call);
    // choosing a pid needs a capability of its own
    return args === null || args.set_tid !== null ? undefined : makeNotPermitted(args.flags);
  },
  ENOSPC: (call) => {
    const args = clone3Args(call);
    return args === null ? undefined : makeNoSpace(args.flags);
  },
};

function setnsInvalid({ args, target, namespaces }: Refused): Causes {
  if (target === undefined) return undefined;
  const named = names(args.nstype);
  if (target.via === "nsfs") {
    const { type } = target;
    if (type === null) return undefined;
    if (named.length > 0 && (named.length > 1 || named[0] !== NS_FLAGS[type]))
      return `nstype is not the type of the namespace, which is ${NS_FLAGS[type]}`;
    if (type === "user") return userNsInvalid(target.inum === namespaces.user?.inum);
    if (type === "mnt") return [SHARED_FS, "the mount namespace is that of a detached mount"];
    return type === "pid" ? PIDNS_ABOVE : undefined;
  }
  if (target.via !== "pidfd") return "fd is neither a namespace file nor a pidfd";
  if (named.length === 0) return "nstype is 0: with a pidfd it names the namespaces to join";
  if (hasUnknown(named)) return "nstype has bits that name no namespace";
  const causes: string[] = [];
  if (has(named, "CLONE_NEWUSER")) {
    const own = target.namespaces?.user?.inum === namespaces.user?.inum;
    // the first that is looked at
    if (own) return userNsInvalid(own);
    causes.push(THREADS, SHARED_FS);
  } else if (named.length === 1 && named[0] === "CLONE_NEWNS") causes.push(SHARED_FS);
  if (has(named, "CLONE_NEWPID")) causes.push(PIDNS_ABOVE);
  if (has(named, "CLONE_NEWTIME") && namespaces.time === undefined) causes.push(NO_TIME);
  return causes;
}

/** userns_install() */
function userNsInvalid(own: boolean): Causes {
  return own ? "it is the caller's own user namespace" : [THREADS, SHARED_FS];
}

function setnsNotPermitted({ args, target }: Refused): Causes {
  if (target?.via === "nsfs") {
    if (target.type === "user") return [FILTER, "the caller lacks CAP_SYS_ADMIN in that user namespace"];
    const owner = "the caller lacks CAP_SYS_ADMIN in the user namespace that owns the namespace";
    const causes = [FILTER, owner, LACKS_ADMIN];
    return target.type === "mnt" ? [...causes, LACKS_CHROOT] : causes;
  }
  // the kernel's own answer to all else is EBADF or EINVAL
  if (target?.via !== "pidfd" || names(args.nstype).length === 0) return FILTER;
  const causes = [
    FILTER,
    "the caller may not look into the process (ptrace read access, ptrace(2))",
    "the caller lacks CAP_SYS_ADMIN in a user namespace that owns one of the namespaces",
    LACKS_ADMIN,
  ];
  return has(args.nstype, "CLONE_NEWNS") ? [...causes, LACKS_CHROOT] : causes;
}

function unshareInvalid(call: Refused): Causes {
  const { ns, namespaces } = call;
  const { flags } = call.args;
  if (hasUnknown(flags)) return UNKNOWN_FLAGS;
  const causes: string[] = [];
  if (has(flags, "UNSHARE_EMPTY_MNTNS")) causes.push(...older(call, "UNSHARE_EMPTY_MNTNS", 7, 1));
  // CLONE_NEWUSER implies CLONE_THREAD: ksys_unshare()
  if (["CLONE_NEWUSER", "CLONE_THREAD", "CLONE_SIGHAND", "CLONE_VM"].some((flag) => has(flags, flag)))
    causes.push(THREADS);
  if (has(flags, "CLONE_SIGHAND") || has(flags, "CLONE_VM"))
    causes.push("the caller shares its signal handlers or its memory with another task");
  if (has(flags, "CLONE_NEWPID")) causes.push(pidNsInvalid(ns));
  if (has(flags, "CLONE_NEWTIME") && namespaces.time === undefined) causes.push(NO_TIME);
  return causes;
}

/** copy_pid_ns(), create_pid_namespace() */
function pidNsInvalid(ns: NsInums): string {
  return isPending(ns)
    ? "the caller's children go to another pid namespace already"
    : "the caller's user namespace is not below the one that owns its pid namespace";
}

function isPending(ns: NsInums): boolean {
  return ns[LINK_INDEX.pid] !== ns[LINK_INDEX.pid_for_children];
}

/** create_user_ns(), create_new_namespaces() */
function makeNotPermitted(flags: Arg | undefined): Causes {
  if (has(flags, "CLONE_NEWUSER")) {
    return [
      FILTER_OR_MODULE,
      "the caller is in a chroot",
      "the caller's user or group id has no mapping in its user namespace",
      "kernel.unprivileged_userns_clone is 0 (Debian's kernels)",
    ];
  }
  return names(flags).some((name) => name.startsWith("CLONE_NEW")) ? [FILTER, LACKS_ADMIN] : FILTER;
}

/** inc_ucount() of kernel/ucount.c; create_user_ns(), create_pid_namespace() */
function makeNoSpace(flags: Arg | undefined): Causes {
  const nested = has(flags, "CLONE_NEWUSER") || has(flags, "CLONE_NEWPID");
  return nested ? [LIMIT, "there are 32 user or pid namespaces above it, and no more can be"] : LIMIT;
}

/** copy_process(), copy_namespaces(): what shares with the caller cannot be somewhere else. */
const EXCLUDING = [
  ["CLONE_NEWNS", "CLONE_FS"],
  ["CLONE_NEWUSER", "CLONE_FS"],
  ["CLONE_NEWUSER", "CLONE_THREAD"],
  ["CLONE_NEWPID", "CLONE_THREAD"],
  ["CLONE_NEWIPC", "CLONE_SYSVSEM"],
] as const;

function cloneInvalid(flags: Arg | undefined, ns: NsInums): Causes {
  for (const [one, other] of EXCLUDING) {
    if (has(flags, one) && has(flags, other)) return `${one} and ${other} exclude each other`;
  }
  return has(flags, "CLONE_NEWPID") && isPending(ns) ? pidNsInvalid(ns) : undefined;
}

/** struct clone_args, where it is what the kernel has read. */
function clone3Args({ args, stable }: Refused): { readonly [member: string]: Arg } | null {
  const given = args.cl_args;
  if (!stable || given === null || typeof given !== "object" || Array.isArray(given)) return null;
  return given as { readonly [member: string]: Arg };
}
