import { LINK_INDEX } from "../kernel/links.js";
import type { MountNs } from "../mounts/mount-table.js";
import type { NamespaceGraph } from "./graph.js";
import type { Task } from "./task.js";

const MNT = LINK_INDEX.mnt;

/**
 * Every mount namespace that is held, with who is in it: processes first, then threads that are elsewhere than their
 * process, by their tids. Empty where only a descriptor or the like holds it.
 */
export function mountNamespaces(graph: NamespaceGraph, tasks: Iterable<Task>): MountNs[] {
  const processes = new Map<number, number[]>();
  const threads = new Map<number, number[]>();
  for (const { pid, tid, ns } of tasks) {
    const inside = pid === tid ? processes : threads;
    const inum = ns[MNT]!;
    const ids = inside.get(inum);
    if (ids === undefined) inside.set(inum, [tid]);
    else ids.push(tid);
  }
  const namespaces: MountNs[] = [];
  for (const { inum, id, mountEvent } of graph.ofType("mnt")) {
    const pids = [...(processes.get(inum) ?? []), ...(threads.get(inum) ?? [])];
    namespaces.push({ ns: inum, id, pids, event: mountEvent });
  }
  return namespaces;
}
