import type { HostPath } from "../kernel/host-path.js";
import { type IdMap, readIdMap } from "../kernel/idmap.js";
import { readFile } from "../kernel/libc.js";
import { LINK_INDEX } from "../kernel/links.js";
import { parseStatus } from "../kernel/status.js";
import type { Task } from "../namespaces/task.js";
import { type CapabilityName, includes } from "./capabilities.js";
import type { SubjectClass } from "./entry.js";

/** Who tries to read or write: the credentials that the kernel decides by, in numbers of the initial user namespace. */
export interface Subject {
  readonly uid: number;
  readonly gid: number;
  readonly groups: ReadonlySet<number>;
  /** Effective capabilities as a bit mask, in the user namespace that {@link initUserNs} speaks of. */
  readonly capabilities: bigint;
  /** Whether it is in the initial user namespace, so that its capabilities count everywhere. */
  readonly initUserNs: boolean;
  readonly uidMap: IdMap;
  readonly gidMap: IdMap;
  readonly class: SubjectClass;
}

/** Which credentials of a container are meant: those of the task, or of uid 0 with all that the task may ever have. */
export type SubjectChoice = "task" | "root";

/**
 * The credentials of `task`, or of root in its container: uid 0 of its user namespace with the bounding set. Null when the
 * task is gone, or when there is no uid 0 in its user namespace.
 */
export function readSubject(
  host: HostPath,
  task: Task,
  hostUserNs: number,
  choice: SubjectChoice = "task",
): Subject | null {
  const bytes = readFile(host.proc(task.pid, "status"));
  const status = bytes.ok ? parseStatus(bytes.value) : null;
  const uidMap = readIdMap(host, task.pid, "uid");
  const gidMap = readIdMap(host, task.pid, "gid");
  if (!bytes.ok || status === null || uidMap === null || gidMap === null) return null;
  const text = bytes.value.toString("latin1");
  const isRoot = choice === "root";
  const uid = isRoot ? uidMap.toOutside(0) : status.uid.effective;
  const gid = isRoot ? (gidMap.toOutside(0) ?? status.gid.effective) : status.gid.effective;
  if (uid === null) return null;
  return {
    uid,
    gid,
    groups: new Set(isRoot ? [] : groupsOf(text)),
    capabilities: isRoot ? boundingOf(text) : status.capEff,
    initUserNs: task.ns[LINK_INDEX.user] === hostUserNs,
    uidMap,
    gidMap,
    class: uid === 0 ? "host_root" : uidMap.toInside(uid) === 0 ? "userns_root" : "other",
  };
}

/** Whether `subject` has the capability over the initial user namespace, and so over the host. */
export function hasOverHost(subject: Subject, name: CapabilityName): boolean {
  return subject.initUserNs && includes(subject.capabilities, name);
}

/** Whether it has the capability over the user namespace that owns a namespace: the host's, or else its own. */
export function hasOver(subject: Subject, name: CapabilityName, isHosts: boolean): boolean {
  return isHosts ? hasOverHost(subject, name) : includes(subject.capabilities, name);
}

/** capable_wrt_inode_uidgid() of kernel/capability.c: capabilities count for files whose owner is mapped. */
export function hasOverFile(
  subject: Subject,
  name: CapabilityName,
  owner: { readonly uid: number; readonly gid: number },
): boolean {
  if (!includes(subject.capabilities, name)) return false;
  return subject.uidMap.toInside(owner.uid) !== null && subject.gidMap.toInside(owner.gid) !== null;
}

function groupsOf(status: string): number[] {
  const line = /^Groups:\t(.*)$/m.exec(status)?.[1] ?? "";
  return line.split(/\s+/).filter(Boolean).map(Number);
}

function boundingOf(status: string): bigint {
  return BigInt(`0x${/^CapBnd:\t([0-9a-f]+)$/m.exec(status)?.[1] ?? "0"}`);
}
