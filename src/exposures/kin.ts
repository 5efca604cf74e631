import type { HostPath } from "../kernel/host-path.js";
import { readFile } from "../kernel/libc.js";
import { LINK_INDEX } from "../kernel/links.js";
import { parseStatus, type TaskStatus } from "../kernel/status.js";
import type { NamespaceGraph } from "../namespaces/graph.js";
import type { Namespace } from "../namespaces/namespace.js";
import type { Task } from "../namespaces/task.js";
import type { Subject } from "./subject.js";

/** A process that a container may look into although it is not its own. */
export interface Kin {
  readonly pid: number;
  /** Id of the container that it is in; null for one of the host. */
  readonly container: string | null;
}

/**
 * The processes among `tasks` that `subject`, in user namespace `userNs`, may look into through procfs without
 * CAP_SYS_PTRACE over the host (ptrace(2), "Ptrace access mode checking"): those of the same uid and gid in every respect, in
 * the same user namespace, and with no permitted capability that it has not; and those in a user namespace that its uid
 * has made, over which it has all capabilities whatever it has been left with (user_namespaces(7)).
 *
 * A process of the first kind that was made undumpable refuses all the same; root's do not show whether they were.
 */
export function* kinOf(
  host: HostPath,
  tasks: Iterable<Task>,
  subject: Subject,
  userNs: number,
  graph: NamespaceGraph,
): Generator<Task> {
  for (const task of tasks) {
    if (task.tid !== task.pid) continue;
    const ns = task.ns[LINK_INDEX.user]!;
    const isMade = ns !== userNs && isOwner(graph, ns, subject.uid, userNs);
    if (!isMade && (ns !== userNs || task.uid !== subject.uid)) continue;
    const bytes = readFile(host.proc(task.pid, "status"));
    const status = bytes.ok ? parseStatus(bytes.value) : null;
    // a kernel thread and a zombie have no file system to look at
    if (!bytes.ok || status === null || !/^VmSize:/m.test(bytes.value.toString("latin1"))) continue;
    if (isMade || (isAlike(status, subject) && isSubset(permittedOf(bytes.value), subject.capabilities)))
      yield task;
  }
}

/** cap_capable_helper() of security/commoncap.c: who made a user namespace, and is in its parent, owns it and all below it. */
function isOwner(graph: NamespaceGraph, userNs: number, uid: number, ownUserNs: number): boolean {
  let namespace: Namespace | null = graph.get("user", userNs) ?? null;
  for (; namespace !== null; namespace = namespace.parent) {
    if (namespace.parent?.inum === ownUserNs) return namespace.ownerUid === uid;
  }
  return false;
}

function isAlike({ uid, gid }: TaskStatus, subject: Subject): boolean {
  const ids = [uid.real, uid.effective, uid.saved].every((id) => id === subject.uid);
  return ids && [gid.real, gid.effective, gid.saved].every((id) => id === subject.gid);
}

function isSubset(set: bigint, of: bigint): boolean {
  return (set & ~of) === 0n;
}

function permittedOf(status: Buffer): bigint {
  const permitted = /^CapPrm:\t([0-9a-f]+)$/m.exec(status.toString("latin1"))?.[1];
  return permitted === undefined ? ~0n : BigInt(`0x${permitted}`);
}
