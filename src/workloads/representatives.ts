import type { ContainerRef } from "../event.js";
import { LINK_INDEX, type NsInums } from "../kernel/links.js";
import type { Task } from "../namespaces/task.js";

/** A container and the task that stands for it. */
export interface Representative {
  readonly container: ContainerRef;
  /** Null where none of its tasks has a mount table that is the container's and not the host's. */
  readonly task: Task | null;
}

/**
 * The containers that `tasks` are in, each with the task that started first: the container's init, while what
 * came later may have been put there by `exec`. Tasks that are still in the host's mount namespace belong to a
 * runtime at work, or to a sandbox whose own kernel cannot be looked into, and stand for no container.
 */
export function representatives(
  tasks: Iterable<Task>,
  containerOf: (task: Task) => ContainerRef | null,
  hostNs: NsInums,
): Representative[] {
  const found = new Map<string, Representative & { readonly any: Task }>();
  for (const task of tasks) {
    const container = containerOf(task);
    if (container === null) continue;
    const known = found.get(container.id);
    const mnt = task.ns[LINK_INDEX.mnt];
    const usable = mnt !== 0 && mnt !== hostNs[LINK_INDEX.mnt] && task.pid === task.tid;
    const best = known?.task ?? null;
    const first =
      best === null || task.start < best.start || (task.start === best.start && task.pid < best.pid);
    if (usable && first) found.set(container.id, { container, task, any: task });
    else if (known === undefined) found.set(container.id, { container, task: null, any: task });
  }
  // a task that came into a container from elsewhere may have been asked about before those of the container
  for (const [id, { any }] of found) if ((containerOf(any)?.id ?? id) !== id) found.delete(id);
  return [...found.values()].map(({ container, task }) => ({ container, task }));
}
