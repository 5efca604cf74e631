import { KeyholeError } from "../errors.js";
import type { ContainerRef } from "../event.js";
import { LINK_INDEX, NS_TYPES, type NsType } from "../kernel/links.js";
import { type Held, withAncestors } from "../namespaces/forest.js";
import type { Namespace } from "../namespaces/namespace.js";
import type { Task } from "../namespaces/task.js";
import { containerName } from "../publish/container-name.js";
import { quoted } from "../publish/neutral.js";
import { matchContainers } from "../workloads/container-match.js";
import { Containers } from "../workloads/containers.js";
import type { TreeNode } from "./tree-facts.js";

/** Which namespaces are wanted; all where nothing is said. */
export interface TreeSelection {
  readonly type?: readonly NsType[];
  /** Those that this process is in, and those above them. */
  readonly pid?: number;
  /** Those that processes of this container or pod are in, and those above them. */
  readonly container?: string;
}

/** As many as can be read at a glance. */
const MAX_CANDIDATES = 10;

/** What of `held` is selected. Throws KEYHOLE_TREE_TARGET where there is no such process or container. */
export function select(selection: TreeSelection, held: ReadonlyMap<Namespace, Held>, node: TreeNode): Held[] {
  const { type = NS_TYPES, pid, container } = selection;
  let chosen = [...held.values()].filter(({ namespace }) => type.includes(namespace.type));
  for (const tasks of [
    pid === undefined ? null : tasksOfProcess(pid, node),
    container === undefined ? null : tasksOfContainer(container, node),
  ]) {
    if (tasks === null) continue;
    const related = withAncestors(namespacesOf(tasks, node));
    chosen = chosen.filter(({ namespace }) => related.has(namespace));
  }
  return chosen;
}

function* namespacesOf(tasks: readonly Task[], { graph }: TreeNode): Generator<Namespace> {
  for (const task of tasks) {
    for (const type of NS_TYPES) {
      const namespace = graph.get(type, task.ns[LINK_INDEX[type]]!);
      if (namespace !== undefined) yield namespace;
    }
  }
}

/** All threads of the process `pid`, or of that whose thread it is. */
function tasksOfProcess(pid: number, { tasks }: TreeNode): readonly Task[] {
  const found = tasks.filter((task) => task.pid === pid || task.tid === pid);
  if (found.length > 0) return found;
  throw new KeyholeError(`there is no process ${pid}`, {
    code: "KEYHOLE_TREE_TARGET",
    expected: "the pid of a process of this host",
    found: String(pid),
    hint: "of a process in a container, `keyhole pid PID@CONTAINER` gives the pid on the host",
  });
}

function tasksOfContainer(name: string, { host, graph, tasks }: TreeNode): readonly Task[] {
  const containers = new Containers({ host, hostNs: graph.anchors.host, graph });
  const tasksOf = new Map<string, { readonly container: ContainerRef; readonly tasks: Task[] }>();
  for (const task of tasks) {
    const container = containers.of(task);
    if (container === null) continue;
    const known = tasksOf.get(container.id);
    if (known === undefined) tasksOf.set(container.id, { container, tasks: [task] });
    else known.tasks.push(task);
  }
  const every = [...tasksOf.values()].map(({ container }) => container);
  const { containers: found, prefix } = matchContainers(every, name);
  if (found.length === 1 || (found.length > 1 && !prefix))
    return found.flatMap(({ id }) => tasksOf.get(id)!.tasks);
  throw new KeyholeError(
    found.length === 0
      ? `no container or pod is called ${quoted(name)}`
      : `${quoted(name)} can mean ${found.length} containers`,
    {
      code: "KEYHOLE_TREE_TARGET",
      expected: "the id of one container or the beginning of it, or the name of a container or pod",
      found: candidates(found.length === 0 ? every : found),
      hint: "`keyhole tree --columns +CONTAINER,POD` lists them",
    },
  );
}

function candidates(containers: readonly ContainerRef[]): string {
  if (containers.length === 0) return "no container at all";
  const names = containers.slice(0, MAX_CANDIDATES).map(containerName);
  if (containers.length > names.length) names.push(`${containers.length - names.length} more`);
  return names.join(", ");
}
