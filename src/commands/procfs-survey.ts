import type { ContainerRef } from "../event.js";
import { readHostProcDev } from "../exposures/container-view.js";
import type { HostPath } from "../kernel/host-path.js";
import type { NsInums } from "../kernel/links.js";
import { ProcfsHistory } from "../mounts/procfs-history.js";
import { type ProcfsSurvey, surveyProcfs } from "../mounts/procfs-survey.js";
import type { ProcfsSuperblock } from "../mounts/superblocks.js";
import type { NamespaceGraph } from "../namespaces/graph.js";
import { type NodeSnapshot, takeSnapshot } from "../namespaces/snapshot.js";
import type { Task } from "../namespaces/task.js";
import { Containers } from "../workloads/containers.js";

/** The procfs instances of the node at one moment, and what else was read for them. */
export interface NodeSurvey extends ProcfsSurvey {
  readonly tasks: readonly Task[];
  /** The container of each of the tasks, asked for once. */
  readonly containerOf: (task: Task) => ContainerRef | null;
  readonly graph: NamespaceGraph;
  readonly hostNs: NsInums;
  readonly hostProcDev: string | null;
  /** By device number; null without BPF. */
  readonly superblocks: ReadonlyMap<string, ProcfsSuperblock> | null;
}

/** Looks at the node once. */
export function surveyNode(host: HostPath): NodeSurvey {
  const snapshot = takeSnapshot(host, { tasks: true, openFiles: true, mounts: true, superblocks: true });
  try {
    return survey(host, snapshot);
  } finally {
    snapshot.close();
  }
}

function survey(host: HostPath, snapshot: NodeSnapshot): NodeSurvey {
  const { tasks, graph, superblocks, openFiles, tables } = snapshot;
  const hostNs = graph.anchors.host;
  const containers = new Containers({ host, hostNs, graph });
  // twice: whose a process is that came into a container from elsewhere is known once its container is
  for (const task of tasks) containers.of(task);
  const found = new Map(tasks.map((task) => [task, containers.of(task)]));
  const containerOf = (task: Task) => found.get(task) ?? null;
  const hostProcDev = readHostProcDev(host);
  const { instances, notSeen } = surveyProcfs({
    tasks,
    containerOf,
    superblocks,
    again: () => snapshot.superblocksAgain(),
    // without BPF no descriptor is known to be of a procfs
    openFiles: superblocks === null ? null : openFiles,
    tables: tables.all(),
    hostProcDev,
    history: new ProcfsHistory(),
  });
  const list = superblocks?.superblocks ?? null;
  return {
    instances,
    notSeen,
    tasks,
    containerOf,
    graph,
    hostNs,
    hostProcDev,
    superblocks: list && new Map(list.map((one) => [one.dev, one])),
  };
}
