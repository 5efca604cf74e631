import { LINK_INDEX, NS_TYPES } from "../kernel/links.js";
import type { NamespaceGraph } from "./graph.js";
import type { Namespace } from "./namespace.js";
import type { Task } from "./task.js";

/** What a namespace stands below: its owning user namespace, its parent, or where its first process came from. */
export type ForestOrder = "owner" | "parent" | "process";

/** A namespace that something holds, and who is in it. */
export interface Held {
  readonly namespace: Namespace;
  /** Processes that have at least one thread in it. */
  readonly processes: number;
  /** The one with the lowest pid; null where something else holds it. */
  readonly first: Task | null;
}

/** A namespace with those below it, in the order of their inode numbers. */
export interface ForestNode extends Held {
  readonly children: ForestNode[];
}

/** Every namespace of the graph that is held, with who of `tasks` is in it. */
export function occupy(graph: NamespaceGraph, tasks: readonly Task[]): Map<Namespace, Held> {
  const held = new Map<Namespace, { namespace: Namespace; processes: number; first: Task | null }>();
  for (const namespace of graph.all()) {
    if (namespace.live) held.set(namespace, { namespace, processes: 0, first: null });
  }
  const leaders = leadersOf(tasks);
  const counted = new Set<string>();
  for (const task of tasks) {
    const leader = leaders.get(task.pid);
    for (const type of NS_TYPES) {
      const index = LINK_INDEX[type];
      const inum = task.ns[index]!;
      const namespace = inum === 0 ? undefined : graph.get(type, inum);
      const one = namespace === undefined ? undefined : held.get(namespace);
      if (one === undefined) continue;
      if (one.first === null || task.pid < one.first.pid) one.first = task;
      if (task !== leader) {
        // A thread counts for its process where neither the leader nor another thread of it does.
        const key = `${type}:${inum}:${task.pid}`;
        if (leader?.ns[index] === inum || counted.has(key)) continue;
        counted.add(key);
      }
      one.processes++;
    }
  }
  return held;
}

/**
 * `shown` of `held`, which is {@link occupy} of `graph` and `tasks`, arranged by `order`. A namespace whose superior is
 * not shown stands below the nearest that is, else at the top. `parent` leaves out the types that have none.
 */
export function arrange(
  shown: Iterable<Held>,
  held: ReadonlyMap<Namespace, Held>,
  graph: NamespaceGraph,
  tasks: readonly Task[],
  order: ForestOrder,
): ForestNode[] {
  const nodes = new Map<Namespace, ForestNode>();
  for (const one of shown) {
    const { type } = one.namespace;
    if (order === "parent" && type !== "pid" && type !== "user") continue;
    const { namespace, processes, first } = one;
    nodes.set(namespace, { namespace, processes, first, children: [] });
  }
  const superiorOf = order === "process" ? byProcess(graph, tasks, held) : byRelation(order);
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

/** `namespaces` with all above them: parents and owners, their parents and owners, and so on. */
export function withAncestors(namespaces: Iterable<Namespace>): Set<Namespace> {
  const all = new Set<Namespace>();
  const add = (namespace: Namespace | null): void => {
    if (namespace === null || all.has(namespace)) return;
    all.add(namespace);
    add(namespace.parent);
    add(namespace.owner);
  };
  for (const namespace of namespaces) add(namespace);
  return all;
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
  held: ReadonlyMap<Namespace, Held>,
): (namespace: Namespace) => Namespace | null {
  const leaders = leadersOf(tasks);
  return (namespace) => {
    const first = held.get(namespace)?.first ?? null;
    if (first === null) return null;
    const index = LINK_INDEX[namespace.type];
    const seen = new Set<number>();
    let task = leaders.get(first.ppid);
    while (task !== undefined && !seen.has(task.pid)) {
      seen.add(task.pid);
      const inum = task.ns[index]!;
      if (inum !== 0 && inum !== namespace.inum) {
        const superior = graph.get(namespace.type, inum) ?? null;
        const superiorFirst = superior === null ? null : (held.get(superior)?.first ?? null);
        return superiorFirst !== null && superiorFirst.pid < first.pid ? superior : null;
      }
      task = leaders.get(task.ppid);
    }
    return null;
  };
}

function leadersOf(tasks: readonly Task[]): Map<number, Task> {
  const leaders = new Map<number, Task>();
  for (const task of tasks) if (task.tid === task.pid) leaders.set(task.pid, task);
  return leaders;
}
