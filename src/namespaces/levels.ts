import { fstatSync } from "node:fs";
import type { HostPath } from "../kernel/host-path.js";
import { close, type SysResult } from "../kernel/libc.js";
import { namespaceId, openNamespace, openParent } from "../kernel/nsfs.js";
import type { TaskHandle } from "../kernel/pidfd.js";
import { INIT_PID_NS, INIT_USER_NS } from "../kernel/privileges.js";
import { readStatus } from "../kernel/status.js";
import { findIdMaps } from "./id-maps.js";
import { initOf, pidInside } from "./translate.js";

/** A pid or user namespace on the way from a task's own up to the topmost that the agent may see. */
interface Level {
  /** Inode number; null where the agent may not know. */
  readonly ns: number | null;
  /** The id that is never reused, decimal (Linux 6.18); null before. */
  readonly id: string | null;
  /** How many ancestors it has; null where the initial namespace is out of sight. */
  readonly level: number | null;
}

export interface PidLevel extends Level {
  /** The task's pid in this namespace; of a thread that is no leader, its tid. */
  readonly pid: number;
  readonly via: "ioctl" | "NSpid";
  /** The process with pid 1 in it, in the agent's pids; null where it is ending or not known. */
  readonly init: number | null;
}

export interface UserLevel extends Level {
  /** The effective uid as this namespace shows it; null: it has no number there, or nobody is in it who could tell. */
  readonly uid: number | null;
  readonly gid: number | null;
}

/**
 * The pid of thread `tid` in its own pid namespace and in each above that, the innermost first. Null when it ended
 * meanwhile. The answer is about the task of `handle` if that exists afterwards. Without ptrace read access to the task
 * the pids are those of /proc/PID/status, and which namespaces they are of is known of the agent's own only.
 */
export function pidLevels(host: HostPath, tid: number, handle: TaskHandle): PidLevel[] | null {
  const levels: PidLevel[] = [];
  const visit = (fd: number, level: Level): boolean => {
    const pid = pidInside(host, fd, tid);
    if (!pid.ok) return false;
    const init = initOf(host, fd);
    levels.push({ ...level, pid: pid.pid, via: pid.via, init: init.ok ? init.pid : null });
    return true;
  };
  const opened = handle.openNamespace("pid");
  if (!opened.ok && isRefusal(opened.errno)) {
    const nsPid = readStatus(host, tid)?.nsPid;
    if (nsPid === undefined) return null;
    for (const pid of nsPid.slice(1).reverse()) {
      levels.push({ ns: null, id: null, level: null, pid, via: "NSpid", init: null });
    }
    return climb(openNamespace(host.proc("self", "ns", "pid")), INIT_PID_NS, visit)
      ? numbered(levels, INIT_PID_NS)
      : null;
  }
  return climb(opened, INIT_PID_NS, visit) ? numbered(levels, INIT_PID_NS) : null;
}

/**
 * The effective uid and gid of thread `tid` in its own user namespace and in each above; otherwise as {@link pidLevels},
 * but that without access only the agent's own namespace is listed.
 */
export function userLevels(host: HostPath, tid: number, handle: TaskHandle): UserLevel[] | null {
  const status = readStatus(host, tid);
  if (status === null) return null;
  const levels: UserLevel[] = [];
  let opened = handle.openNamespace("user");
  if (!opened.ok && isRefusal(opened.errno)) opened = openNamespace(host.proc("self", "ns", "user"));
  const complete = climb(opened, INIT_USER_NS, (_fd, level) => {
    const maps = findIdMaps(host, level.ns, tid);
    const uid = maps?.uid.toInside(status.uid.effective) ?? null;
    const gid = maps?.gid.toInside(status.gid.effective) ?? null;
    levels.push({ ...level, uid, gid });
    return true;
  });
  return complete ? numbered(levels, INIT_USER_NS) : null;
}

/** Without ptrace read access EACCES; EPERM is that of a security module. */
function isRefusal(errno: string): boolean {
  return errno === "EACCES" || errno === "EPERM";
}

/** Visits the namespace that is opened and its ancestors; false when it could not be opened, or a visit was. */
function climb(
  opened: SysResult,
  init: number,
  visit: (fd: number, level: Level & { readonly ns: number }) => boolean,
): boolean {
  for (let fd = opened; ; ) {
    if (!fd.ok) return false;
    let parent: SysResult;
    try {
      const ns = fstatSync(fd.value).ino;
      const id = namespaceId(fd.value);
      if (!visit(fd.value, { ns, id: id.ok ? String(id.value) : null, level: null })) return false;
      if (ns === init) return true;
      parent = openParent(fd.value);
    } finally {
      close(fd.value);
    }
    // EPERM: the parent lies above the agent's own.
    if (!parent.ok) return true;
    fd = parent;
  }
}

function numbered<T extends Level>(levels: readonly T[], init: number): T[] {
  if (levels.at(-1)?.ns !== init) return [...levels];
  return levels.map((level, index) => ({ ...level, level: levels.length - 1 - index }));
}
