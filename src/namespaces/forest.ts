import { LINK_INDEX, NS_TYPES, type NsType } from "../kernel/links.js";
import type { NamespaceGraph } from "./graph.js";
import type { Namespace } from "./namespace.js";
import type { Task } from "./task.js";

/** What a namespace stands below: its owning user namespace, its parent, or where its first process came from. */
export type ForestOrder = "owner" | "parent" | "process";

/** A namespace with those below it, in the order of their inode numbers. */
export interface ForestNode {
  readonly namespace: Namespace;
  /** Processes that have at least one thread in it. */
  readonly processes: number;
  /** The one with the lowest pid; null where only other namespaces hold it. */
  readonly first: Task | null;
  readonly children: ForestNode[];
}

interface Occupancy {
  readonly pids: Set<number>;
  first: Task;
}

/**
 * The held namespaces of `types`, arranged by `order`. A namespace whose superior is not among them stands
 * below the nearest that is, else at the top. `parent` leaves out the types that have none.
 */
export function arrange(
  graph: NamespaceGraph,
  tasks: readonly Task[],
  types: readonly NsType[],
  order: ForestOrder,
): ForestNode[] {
  const shown = order === "parent" ? types.filter((type) => type === "pid" || type === "user") : types;
  const occupancies = occupy(graph, tasks);
  const nodes = new Map<Namespace, ForestNode>();
  for (const namespace of graph.all()) {
    if (!namespace.live || !shown.includes(namespace.type)) continue;
    const occupancy = occupancies.get(namespace);
    nodes.set(namespace, {
      namespace,
      processes: occupancy?.pids.size ?? 0,
      first: occupancy?.first ?? null,
      children: [],
    });
  }

  const superiorOf = order === "process" ? byProcess(graph, tasks, occupancies) : byRelation(order);
  const roots: ForestNode[] = [];
  const sorted = [...nodes.values()].sort((a, b) => a.namespace.inum - b.namespace.inum);
  for (const node of sorted) {
    let superior = superiorOf(node.namespace);
    while (superior !== null && !nodes.has(superior)) superior = superiorOf(superior);
    const siblings = superior === null ? roots : nodes.get(superior)!.children;
    siblings.push(node);
  }
  return roots;
}

function occupy(graph: NamespaceGraph, tasks: readonly Task[]): Map<Namespace, Occupancy> {
  const occupancies = new Map<Namespace, Occupancy>();
  for (const task of tasks) {
    for (const type of NS_TYPES) {
      const namespace = graph.get(type, task.ns[LINK_INDEX[type]]!);
      if (namespace === undefined) continue;
      const occupancy = occupancies.get(namespace);
      if (occupancy === undefined) {
        occupancies.set(namespace, { pids: new Set([task.pid]), first: task });
        continue;
      }
      occupancy.pids.add(task.pid);
      if (task.pid < occupancy.first.pid) occupancy.first = task;
    }
  }
  return occupancies;
}

function byRelation(order: "owner" | "parent"): (namespace: Namespace) => Namespace | null {
  return (namespace) => namespace[order];
}

/**
 * The namespace of the nearest ancestor, of the first process in `namespace`, that is in another one: the one
 * it was made in, unless the process that made it has ended since. Of two that point at each other (a process
 * that went back to where a child of it had gone) the one with the lower first pid is the superior.
 */
function byProcess(
  graph: NamespaceGraph,
  tasks: readonly Task[],
  occupancies: ReadonlyMap<Namespace, Occupancy>,
): (namespace: Namespace) => Namespace | null {
  const leaders = new Map<number, Task>();
  for (const task of tasks) if (task.tid === task.pid) leaders.set(task.pid, task);
  return (namespace) => {
    const first = occupancies.get(namespace)?.first;
    if (first === undefined) return null;
    const index = LINK_INDEX[namespace.type];
    const seen = new Set<number>();
    let task = leaders.get(first.ppid);
    while (task !== undefined && !seen.has(task.pid)) {
      seen.add(task.pid);
      const inum = task.ns[index]!;
      if (inum !== 0 && inum !== namespace.inum) {
        const superior = graph.get(namespace.type, inum) ?? null;
        const superiorFirst = superior === null ? undefined : occupancies.get(superior)?.first;
        return superiorFirst !== undefined && superiorFirst.pid < first.pid ? superior : null;
      }
      task = leaders.get(task.ppid);
    }
    return null;
  };
}
