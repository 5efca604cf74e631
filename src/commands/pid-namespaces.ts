import { fstatSync } from "node:fs";
import { KeyholeError } from "../errors.js";
import type { ContainerRef } from "../event.js";
import type { HostPath } from "../kernel/host-path.js";
import { close } from "../kernel/libc.js";
import { LINK_INDEX } from "../kernel/links.js";
import { namespaceId, openNamespace } from "../kernel/nsfs.js";
import type { NamespaceGraph } from "../namespaces/graph.js";
import type { Task } from "../namespaces/task.js";
import { containerName } from "../publish/container-name.js";
import { quoted } from "../publish/neutral.js";
import { matchContainers, payloadsOf } from "../workloads/container-match.js";

/** A pid namespace that a question may be about. */
export interface PidNamespace {
  readonly inum: number;
  readonly id: string | null;
  /** Processes that were in it a moment ago. */
  readonly members: readonly number[];
  /** The container it was named by. */
  readonly container: ContainerRef | null;
}

/** What is known of the node when a namespace is looked up by its name. */
export interface PidNamespaceSources {
  readonly tasks: readonly Task[];
  readonly graph: Pick<NamespaceGraph, "get" | "isHost">;
  containerOf(task: Task): ContainerRef | null;
}

const PID = LINK_INDEX.pid;

/** As many as can be read at a glance. */
const MAX_CANDIDATES = 10;

/**
 * The pid namespaces that `name` means: one for an inode number (also as `pid:[4026532570]`), an id or a container; of a
 * pod, those of its containers. Throws KEYHOLE_PID_NAMESPACE where there is none, KEYHOLE_PID_AMBIGUOUS where the
 * beginning of an id fits several containers.
 */
export function findPidNamespaces(name: string, sources: PidNamespaceSources): PidNamespace[] {
  const byNumber = findByNumber(name, sources);
  if (byNumber !== null) return [byNumber];

  const tasksOf = new Map<string, { readonly container: ContainerRef; readonly tasks: Task[] }>();
  for (const task of sources.tasks) {
    if (task.tid !== task.pid || task.ns[PID] === 0) continue;
    const container = sources.containerOf(task);
    if (container === null) continue;
    const known = tasksOf.get(container.id);
    if (known === undefined) tasksOf.set(container.id, { container, tasks: [task] });
    else known.tasks.push(task);
  }
  const every = [...tasksOf.values()].map(({ container }) => container);
  const { containers: matched, prefix } = matchContainers(every, name);
  const containers = payloadsOf(matched);
  if (containers.length === 0) throw noSuchNamespace(name, every.length);
  if (prefix && containers.length > 1) throw ambiguous(name, containers);

  const found = new Map<number, PidNamespace>();
  for (const container of containers) {
    const { tasks } = tasksOf.get(container.id)!;
    // The container's own is that of its first process; what runs containers itself has others below it. A runtime at
    // work, and what waits for a child in a new pid namespace, is in the host's.
    const inside = tasks.filter((task) => !sources.graph.isHost("pid", task.ns[PID]!));
    const first = (inside.length > 0 ? inside : tasks).reduce((best, task) =>
      task.start < best.start ? task : best,
    );
    const inum = first.ns[PID]!;
    if (!found.has(inum)) found.set(inum, pidNamespace(inum, container, sources));
  }
  return [...found.values()];
}

function findByNumber(name: string, sources: PidNamespaceSources): PidNamespace | null {
  const number = /^(?:pid:\[(\d+)\]|(\d+))$/.exec(name);
  if (number === null) return null;
  const [, link, bare] = number;
  const inums = new Set(sources.tasks.map((task) => task.ns[PID]!));
  inums.delete(0);
  const inum = Number(link ?? bare);
  if (inums.has(inum)) return pidNamespace(inum, null, sources);
  for (const candidate of bare === undefined ? [] : inums) {
    if (sources.graph.get("pid", candidate)?.id === bare) return pidNamespace(candidate, null, sources);
  }
  return null;
}

function pidNamespace(
  inum: number,
  container: ContainerRef | null,
  sources: PidNamespaceSources,
): PidNamespace {
  return {
    inum,
    id: sources.graph.get("pid", inum)?.id ?? null,
    members: sources.tasks.filter((task) => task.ns[PID] === inum).map(({ tid }) => tid),
    container,
  };
}

/**
 * Gives `use` a descriptor of the namespace, which pins it: while it is open its inode number is not given to another.
 * Null when all that were in it have ended.
 */
export function withPidNamespace<T>(
  host: HostPath,
  namespace: PidNamespace,
  use: (fd: number) => T,
): T | null {
  for (const member of namespace.members) {
    const fd = openNamespace(host.proc(member, "ns", "pid"));
    if (!fd.ok) continue;
    try {
      const id = namespaceId(fd.value);
      const isSame = fstatSync(fd.value).ino === namespace.inum;
      if (isSame && (!id.ok || namespace.id === null || String(id.value) === namespace.id))
        return use(fd.value);
    } finally {
      close(fd.value);
    }
  }
  return null;
}

function noSuchNamespace(name: string, containers: number): KeyholeError {
  return new KeyholeError(`no pid namespace, container or pod is called ${quoted(name)}`, {
    code: "KEYHOLE_PID_NAMESPACE",
    expected: "an inode number or id of a pid namespace, an id or name of a container or pod, or @PID",
    found: `${quoted(name)}, and ${containers} containers, none of which it fits`,
    hint: "`keyhole tree --type pid --columns +CONTAINER,POD` lists them",
    exitCode: 1,
  });
}

/** Several containers, or several of a pod that have such a process, are called `name`. */
export function ambiguous(name: string, containers: readonly ContainerRef[]): KeyholeError {
  const candidates = containers
    .slice(0, MAX_CANDIDATES)
    .map((container) => `${quoted(container.id)} (${containerName(container)})`);
  const more = containers.length - candidates.length;
  if (more > 0) candidates.push(`${more} more`);
  return new KeyholeError(`${quoted(name)} can mean ${containers.length} containers`, {
    code: "KEYHOLE_PID_AMBIGUOUS",
    expected: "what only one of them is called",
    found: candidates.join(", "),
    hint: "give more of the id",
    exitCode: 1,
  });
}
