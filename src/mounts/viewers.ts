import type { ContainerRef } from "../event.js";
import { LINK_INDEX } from "../kernel/links.js";
import type { Task } from "../namespaces/task.js";

/** The processes of one container, or of the host, that are in a mount namespace. */
export interface Viewer {
  /** Null for processes of the host. */
  readonly container: ContainerRef | null;
  readonly processes: number;
  /** The one that started first. */
  readonly first: Task;
}

/**
 * Who is in each mount namespace, by its inode number: the host first, then the containers by their first process. A
 * process is wherever it has a thread.
 */
export function viewersByMountNs(
  tasks: Iterable<Task>,
  containerOf: (task: Task) => ContainerRef | null,
): Map<number, readonly Viewer[]> {
  const found = new Map<number, Map<string | null, Group>>();
  for (const task of tasks) {
    const ns = task.ns[LINK_INDEX.mnt]!;
    if (ns === 0) continue;
    const container = containerOf(task);
    let groups = found.get(ns);
    if (groups === undefined) {
      groups = new Map();
      found.set(ns, groups);
    }
    const group = groups.get(container?.id ?? null);
    if (group === undefined)
      groups.set(container?.id ?? null, { container, first: task, pids: new Set([task.pid]) });
    else {
      group.pids.add(task.pid);
      if (isOlder(task, group.first)) group.first = task;
    }
  }
  return new Map([...found].map(([ns, groups]) => [ns, [...groups.values()].map(viewer).sort(inOrder)]));
}

interface Group {
  readonly container: ContainerRef | null;
  readonly pids: Set<number>;
  first: Task;
}

function viewer({ container, pids, first }: Group): Viewer {
  return { container, processes: pids.size, first };
}

function inOrder(a: Viewer, b: Viewer): number {
  if ((a.container === null) !== (b.container === null)) return a.container === null ? -1 : 1;
  return isOlder(a.first, b.first) ? -1 : 1;
}

function isOlder(a: Task, b: Task): boolean {
  return a.start < b.start || (a.start === b.start && a.pid < b.pid);
}
