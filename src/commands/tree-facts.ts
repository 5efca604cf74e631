import { KeyholeError } from "../errors.js";
import type { ContainerRef } from "../event.js";
import { readCommandLine } from "../kernel/cmdline.js";
import type { HostPath } from "../kernel/host-path.js";
import { LINK_INDEX } from "../kernel/links.js";
import { type Mount, readMountinfo } from "../kernel/mountinfo.js";
import { readUserNames } from "../kernel/passwd.js";
import type { Held } from "../namespaces/forest.js";
import type { Namespace } from "../namespaces/namespace.js";
import type { NsMount } from "../namespaces/ns-holders.js";
import type { NodeSnapshot } from "../namespaces/snapshot.js";
import { Containers } from "../workloads/containers.js";
import type { TreeFacts } from "./tree-columns.js";

/** What `keyhole tree` needs of a {@link NodeSnapshot}. */
export type TreeNode = Pick<
  NodeSnapshot,
  "host" | "graph" | "tasks" | "openFiles" | "nsMounts" | "superblocks" | "incomplete"
>;

/** Answers about the namespaces of `node`, each read when it is asked for. */
export function treeFacts(node: TreeNode, firstSeenOf: (one: Held) => number | null): TreeFacts {
  const { host, graph } = node;
  const users = lazily(() => readUserNames(host));
  const commands = new Map<number, string>();
  const containers = lazily(() => new Containers({ host, hostNs: graph.anchors.host, graph }));
  const mounts = lazily(() => mountPoints(node));
  const descriptors = lazily(() => descriptorPaths(node));
  const isHost = ({ namespace: { type, inum } }: Held): boolean => graph.isHost(type, inum);
  return {
    isHost,
    isInit: ({ namespace: { type, inum } }) => graph.isInit(type, inum),
    userName: (uid) => users().get(uid) ?? null,
    commandOf: ({ first }) => {
      if (first === null) return null;
      // A process is the first one of several namespaces, as a rule.
      let command = commands.get(first.pid);
      if (command === undefined) {
        command = readCommandLine(host, first.pid) ?? first.comm;
        commands.set(first.pid, command);
      }
      return command;
    },
    containerOf: (one): ContainerRef | null =>
      one.first === null || isHost(one) ? null : containers().of(one.first),
    pathOf: ({ namespace, first }) => {
      if (first !== null) return host.proc(first.tid, "ns", namespace.type);
      return descriptors().get(keyOf(namespace)) ?? mounts().get(keyOf(namespace))?.[0] ?? null;
    },
    mountsOf: ({ namespace }) => mounts().get(keyOf(namespace)) ?? [],
    firstSeenOf,
    holders: node.openFiles !== null,
    superblocks: node.superblocks !== null,
  };
}

type NamespaceKey = `${string}:${number}`;

function keyOf({ type, inum }: Pick<Namespace, "type" | "inum">): NamespaceKey {
  return `${type}:${inum}`;
}

function descriptorPaths({ host, openFiles }: TreeNode): Map<NamespaceKey, string> {
  const paths = new Map<NamespaceKey, string>();
  for (const file of openFiles?.ns ?? []) {
    const key = keyOf(file);
    if (!file.socket && !paths.has(key)) paths.set(key, host.proc(file.pid, "fd", file.fd));
  }
  return paths;
}

/**
 * Where the files of namespaces are mounted; in a mount namespace that is not the host's, as the path below the root of a
 * process in it. Detached mounts are nowhere.
 */
function mountPoints({ host, tasks, graph, nsMounts }: TreeNode): Map<NamespaceKey, string[]> {
  const points = new Map<NamespaceKey, string[]>();
  const byTable = new Map<number, NsMount[]>();
  for (const mount of nsMounts?.mounts ?? []) {
    const mounts = byTable.get(mount.ns);
    if (mounts === undefined) byTable.set(mount.ns, [mount]);
    else mounts.push(mount);
  }
  for (const [ns, mounts] of byTable) {
    const member = tasks.find((task) => task.ns[LINK_INDEX.mnt] === ns);
    if (member === undefined) continue;
    const root = graph.isHost("mnt", ns) ? "" : host.proc(member.tid, "root");
    const byId = new Map(readTable(host, member.tid).map(({ id, point }) => [id, point]));
    for (const mount of mounts) {
      const point = byId.get(mount.mount);
      if (point === undefined) continue;
      const key = keyOf(mount);
      points.set(key, [...(points.get(key) ?? []), `${root}${point}`]);
    }
  }
  return points;
}

/** Empty where the process is gone, or its table may not be read: then the path is not known. */
function readTable(host: HostPath, tid: number): readonly Mount[] {
  try {
    return readMountinfo(host, tid) ?? [];
  } catch (error) {
    if (error instanceof KeyholeError) return [];
    throw error;
  }
}

function lazily<T>(make: () => T): () => T {
  let made: { readonly value: T } | null = null;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
