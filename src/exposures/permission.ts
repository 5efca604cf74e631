import { LINK_INDEX, type NsInums } from "../kernel/links.js";
import { isSince } from "../kernel/release.js";
import type { Entry } from "./entry.js";
import type { HostEntry } from "./host-entries.js";
import { hasOver, hasOverFile, hasOverHost, type Subject } from "./subject.js";

/** Whether the kernel lets somebody at an entry, mounts aside, and why not. */
export interface Permission {
  readonly read: boolean;
  readonly write: boolean;
  /** Why one of them is refused; empty where neither is. */
  readonly why: string;
}

/** The namespaces of who tries, and those of the host. */
export interface Where {
  readonly ns: NsInums;
  readonly hostNs: NsInums;
}

/** A triad of mode bits. */
const READ = 4;
const WRITE = 2;
const SEARCH = 1;

/** Whether the namespace that an entry belongs to is the host's; true for what is global. */
export function isOfHost(entry: Entry | null, { ns, hostNs }: Where): boolean {
  const scope = entry?.scope ?? "global";
  if (scope === "global" || scope === "process") return true;
  return ns[LINK_INDEX[scope]] === hostNs[LINK_INDEX[scope]];
}

/** What the kernel decides about `target` for `subject`. Whether a write has an effect is for its handler to say. */
export function permission(target: HostEntry, subject: Subject, where: Where): Permission {
  if (target.kind === "link") return { read: true, write: false, why: "" };
  const closed = target.closed.find((directory) => !maySearch(directory, subject));
  if (closed !== undefined) {
    return { read: false, write: false, why: `${octal(closed.mode)} directory ${closed.path}` };
  }
  const isSysctl = target.path.startsWith("/sys/");
  const bits = isSysctl ? sysctlBits(target, subject, where) : fileBits(target, subject);
  let read = (bits & READ) !== 0;
  let write = (bits & WRITE) !== 0;
  let why = read && write ? "" : refusal(target, subject);
  for (const [kind, allowed] of [
    ["read", read],
    ["write", write],
  ] as const) {
    const access = target.entry?.[kind];
    if (!allowed || access?.requires === undefined) continue;
    const isHosts = access.capability_of === undefined || isOfHost(target.entry, where);
    const lacked = access.requires.filter((name) => !hasOver(subject, name, isHosts));
    if (lacked.length === 0) continue;
    if (kind === "read") read = false;
    else write = false;
    why = `wants ${lacked.join(" and ")}`;
  }
  return { read, write, why };
}

/** generic_permission() of fs/namei.c. A write that only a capability allows does nothing, unless the catalogue knows better. */
function fileBits(target: HostEntry, subject: Subject): number {
  let bits = triad(target, subject);
  if (hasOverFile(subject, "CAP_DAC_OVERRIDE", target)) {
    bits |= READ;
    if ((target.mode & 0o222) !== 0 || target.entry?.write?.override === true) bits |= WRITE;
  } else if (hasOverFile(subject, "CAP_DAC_READ_SEARCH", target)) {
    bits |= READ;
  }
  return bits;
}

function maySearch(directory: Pick<HostEntry, "mode" | "uid" | "gid">, subject: Subject): boolean {
  if ((triad(directory, subject) & SEARCH) !== 0) return true;
  return (
    hasOverFile(subject, "CAP_DAC_OVERRIDE", directory) ||
    hasOverFile(subject, "CAP_DAC_READ_SEARCH", directory)
  );
}

function triad({ mode, uid, gid }: Pick<HostEntry, "mode" | "uid" | "gid">, subject: Subject): number {
  if (subject.uid === uid) return (mode >> 6) & 7;
  return isInGroup(subject, gid) ? (mode >> 3) & 7 : mode & 7;
}

/**
 * sysctl_perm() of fs/proc/proc_sysctl.c: test_perm() knows the host's root and its group by number and no capability. The
 * tables of namespaces have rules of their own, which give everybody the same bits.
 */
function sysctlBits(target: HostEntry, subject: Subject, where: Where): number {
  const { mode, entry } = target;
  const [owner, group, others] = [(mode >> 6) & 7, (mode >> 3) & 7, mode & 7];
  const isHosts = isOfHost(entry, where);
  const root = isHosts ? 0 : (subject.uidMap.toOutside(0) ?? 0);
  const rootGroup = isHosts ? 0 : (subject.gidMap.toOutside(0) ?? 0);
  switch (entry?.permissions) {
    case "net":
      // net_ctl_permissions() of net/sysctl_net.c
      if (hasOver(subject, "CAP_NET_ADMIN", isHosts)) return owner;
      break;
    case "user":
      // set_permissions() of kernel/ucount.c
      return hasOver(subject, "CAP_SYS_RESOURCE", isHosts) ? owner : others & READ;
    case "ipc":
    case "ipc-checkpoint":
      // ipc_permissions() of ipc/ipc_sysctl.c and mq_permissions() of ipc/mq_sysctl.c, since 5.19
      if (!isSince(5, 19)) break;
      if (entry.permissions === "ipc-checkpoint" && hasOver(subject, "CAP_CHECKPOINT_RESTORE", isHosts)) {
        return READ | WRITE;
      }
      return subject.uid === root ? owner : isInGroup(subject, rootGroup) ? group : others;
    case "pid":
      // pid_table_root_permissions() of kernel/pid.c, since 6.14
      if (!isSince(6, 14)) break;
      if (subject.uid === root || hasOver(subject, "CAP_SYS_ADMIN", isHosts)) return owner;
      return isInGroup(subject, rootGroup) ? group : others & READ;
  }
  return subject.uid === 0 ? owner : isInGroup(subject, 0) ? group : others;
}

function isInGroup(subject: Subject, gid: number): boolean {
  return subject.gid === gid || subject.groups.has(gid);
}

function refusal({ mode, uid, entry }: HostEntry, subject: Subject): string {
  if (entry?.permissions === "user" && (mode & 0o200) !== 0) return "wants CAP_SYS_RESOURCE";
  const who = subject.uid === uid ? "" : `, and uid ${subject.uid} of the host is not its owner ${uid}`;
  return `mode ${octal(mode)}${who}`;
}

function octal(mode: number): string {
  return `0${mode.toString(8).padStart(3, "0")}`;
}

/** Whether the severity of an access is the raised one: see {@link EntryAccess.raised}. */
export function isRaised(entry: Entry | null, kind: "read" | "write", subject: Subject): boolean {
  const raised = entry?.[kind]?.raised;
  return raised !== undefined && hasOverHost(subject, raised.by);
}
