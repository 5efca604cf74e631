import type { ContainerRef } from "../event.js";
import type { Mount } from "../kernel/mountinfo.js";
import { isSince } from "../kernel/release.js";
import type { OpenFiles } from "../namespaces/open-files.js";
import type { Task } from "../namespaces/task.js";
import { MountTree } from "./mount-tree.js";
import type { ProcfsHistory } from "./procfs-history.js";
import { joinProcfs, type ProcfsHolder, type ProcfsInstance } from "./procfs-instances.js";
import { pidNsBySelf } from "./procfs-self.js";
import type { ProcfsSuperblockList } from "./superblocks.js";
import { viewersByMountNs } from "./viewers.js";

/** What is known of a node, read as closely together as can be: the superblocks first. */
export interface ProcfsNode {
  readonly tasks: readonly Task[];
  readonly containerOf: (task: Task) => ContainerRef | null;
  /** Null without BPF. */
  readonly superblocks: ProcfsSuperblockList | null;
  /** Reads them again; null where that cannot be. */
  readonly again: () => ProcfsSuperblockList | null;
  /** Null where open files of procfs could not be read. */
  readonly openFiles: Pick<OpenFiles, "procfs"> | null;
  readonly tables: Iterable<ProcfsNodeTable>;
  /** See readHostProcDev(). */
  readonly hostProcDev: string | null;
  readonly history: ProcfsHistory;
}

interface ProcfsNodeTable {
  readonly ns: number;
  readonly mounts: readonly Mount[];
  /** Why it has not all mounts; null where it has. */
  readonly reason: string | null;
}

/** Something that could not be looked at, and why. */
export interface NotSeen {
  readonly what: string;
  readonly reason: string;
}

/** The procfs instances of a node, and what of them could not be seen. */
export interface ProcfsSurvey {
  readonly instances: readonly ProcfsInstance[];
  readonly notSeen: readonly NotSeen[];
}

const NO_BPF = "BPF cannot be used: run as root, on Linux 5.10 or later";

/** Puts together what was read of a node. */
export function surveyProcfs(node: ProcfsNode): ProcfsSurvey {
  const tables = [...node.tables];
  const byNs = new Map(tables.map((table) => [table.ns, table]));
  const trees = new Map<number, MountTree>();
  const treeOf = (ns: number): MountTree | null => {
    const table = byNs.get(ns);
    if (table !== undefined && !trees.has(ns)) trees.set(ns, new MountTree(table.mounts));
    return trees.get(ns) ?? null;
  };
  const joined = joinProcfs({
    superblocks: node.superblocks,
    tables,
    viewers: viewersByMountNs(node.tasks, node.containerOf),
    files: holders(node),
    hostProcDev: node.hostProcDev,
    pidNsOf: (place) => pidNsBySelf(place, treeOf(place.mntNs)),
    history: node.history,
    now: Date.now(),
  });
  const instances = withoutEnded(joined, node.again);
  return { instances, notSeen: notSeen(node, tables, instances) };
}

/**
 * Without the instances that ended while the node was looked at: they were in the kernel's list before mount tables and
 * open files were read, and look as if the kernel itself kept them.
 */
function withoutEnded(
  instances: readonly ProcfsInstance[],
  again: ProcfsNode["again"],
): readonly ProcfsInstance[] {
  if (!instances.some(({ keeper }) => keeper === "kernel")) return instances;
  const list = again();
  if (list?.complete !== true) return instances;
  const listed = new Map(list.superblocks.map((one) => [one.dev, one.pidNs]));
  return instances.filter(({ dev, pidNs, keeper }) => keeper !== "kernel" || listed.get(dev) === pidNs);
}

function holders({
  openFiles,
  tasks,
  containerOf,
}: ProcfsNode): (ProcfsHolder & { readonly dev: string })[] | null {
  if (openFiles === null) return null;
  const byPid = new Map(tasks.filter(({ pid, tid }) => pid === tid).map((task) => [task.pid, task]));
  return openFiles.procfs.map(({ pid, fd, dev, detached, root }) => {
    const task = byPid.get(pid);
    return {
      dev,
      pid,
      fd,
      comm: task?.comm ?? null,
      exe: task?.exe ?? null,
      container: task === undefined ? null : containerOf(task),
      detached,
      root,
    };
  });
}

function notSeen(
  { superblocks, openFiles }: ProcfsNode,
  tables: readonly ProcfsNodeTable[],
  instances: readonly ProcfsInstance[],
): NotSeen[] {
  const list: NotSeen[] = [];
  const add = (what: string, reason: string) => void list.push({ what, reason });
  if (!isSince(5, 8)) {
    add("options of each instance", "before Linux 5.8 all instances of a pid namespace share them");
  }
  const unknown = instances.filter(({ pidNs }) => pidNs === null).length;
  const whose = `whose processes ${unknown === 1 ? "one instance shows" : `${unknown} instances show`}`;
  if (superblocks === null) {
    add("instances that are mounted nowhere, and who owns the others", NO_BPF);
    if (unknown > 0) add(whose, NO_BPF);
  } else {
    if (!superblocks.complete) add("some instances", "the kernel's list kept changing while it was read");
    if (unknown > 0) add(whose, "mounted while the node was looked at");
  }
  if (openFiles === null) add("who holds detached instances", NO_BPF);
  for (const { ns, reason } of tables) if (reason !== null) add(`a part of mount namespace ${ns}`, reason);
  return list;
}
