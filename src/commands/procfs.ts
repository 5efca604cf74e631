import { KeyholeError } from "../errors.js";
import { type ContainerRef, SCHEMA_VERSION } from "../event.js";
import type { SubjectChoice } from "../exposures/subject.js";
import { HostPath } from "../kernel/host-path.js";
import { LINK_INDEX } from "../kernel/links.js";
import type { ProcfsInstance } from "../mounts/procfs-instances.js";
import { containerName } from "../publish/container-name.js";
import { quoted } from "../publish/neutral.js";
import { procfsDocument } from "../publish/procfs-document.js";
import { matchContainers, payloadsOf } from "../workloads/container-match.js";
import { surveyReach } from "./procfs-reach.js";
import { notSeenLines, reachSummary, reachTable } from "./procfs-reach-table.js";
import { type NodeSurvey, surveyNode } from "./procfs-survey.js";
import { procfsTable } from "./procfs-table.js";
import { progressOn } from "./progress.js";

export interface ProcfsCommandOptions {
  readonly output: "table" | "json";
  readonly hostRoot: string;
  readonly color: boolean;
  readonly noHeader?: boolean;
  /** Only instances that this process can see or holds. */
  readonly pid?: number;
  /** Only instances that processes of this container, or of those of this pod, can see or hold: see {@link matchContainers}. */
  readonly container?: string;
  /** What that container can read and write, instead of which instances it can see; of all containers how much. */
  readonly reach?: boolean;
  /** Whose credentials `reach` judges; those of the container's first process when it is not given. */
  readonly as?: SubjectChoice;
  /** Where the text goes; stdout when it is not given. */
  readonly write?: (text: string) => void;
}

/** As many as can be read at a glance. */
const MAX_CANDIDATES = 10;

/**
 * `keyhole procfs`: prints every procfs instance of the node, where it is mounted, and who can see it; or what one
 * container can read and write through those that it sees. Resolves to the exit status, 0. Throws KEYHOLE_PROCFS_TARGET
 * when there is no such process or container.
 */
export async function procfs(options: ProcfsCommandOptions): Promise<number> {
  const host = new HostPath(options.hostRoot);
  const survey = surveyNode(host);
  const text = options.reach === true ? describeReach(host, survey, options) : describe(survey, options);
  const write = options.write ?? ((output: string) => void process.stdout.write(output));
  write(text);
  return 0;
}

function describe(survey: NodeSurvey, options: ProcfsCommandOptions): string {
  const instances = choose(survey, options);
  if (options.output === "json") return json(procfsDocument(instances, survey.notSeen));
  return procfsTable(instances, options) + notSeenLines(survey.notSeen);
}

function describeReach(host: HostPath, survey: NodeSurvey, options: ProcfsCommandOptions): string {
  const id =
    options.container === undefined
      ? null
      : oneOf(containersOf(survey, options.container), options.container);
  const progress = progressOn(process.stderr, "containers");
  const reach = surveyReach(host, survey, id, options.as ?? "task", progress);
  const notSeen = [...survey.notSeen, ...reach.notSeen];
  const [one] = reach.containers;
  if (options.output === "json") {
    const containers = reach.containers.map(({ reaches, ...rest }) =>
      reaches === null ? rest : { ...rest, reaches },
    );
    return json({ complete: notSeen.length === 0, not_seen: notSeen, containers });
  }
  const table =
    id !== null && one !== undefined ? reachTable(one, options) : reachSummary(reach.containers, options);
  return table + notSeenLines(notSeen);
}

function json(document: object): string {
  return `${JSON.stringify({ schema: SCHEMA_VERSION, ...document }, null, 2)}\n`;
}

/** The instances that the options name, without the places and holders of others. */
function choose(survey: NodeSurvey, { pid, container }: ProcfsCommandOptions): readonly ProcfsInstance[] {
  let { instances } = survey;
  if (pid !== undefined) {
    const task = survey.tasks.find((one) => one.pid === pid);
    if (task === undefined) throw noTarget(`there is no process ${pid}`);
    const mntNs = task.ns[LINK_INDEX.mnt]!;
    instances = keep(instances, {
      place: (place) => place.mntNs === mntNs,
      holder: (holder) => holder.pid === pid,
    });
  }
  if (container !== undefined) {
    const ids = new Set(containersOf(survey, container).map(({ id }) => id));
    const isWanted = (one: ContainerRef | null | undefined) => one != null && ids.has(one.id);
    instances = keep(instances, {
      place: (place) => place.viewers.some((viewer) => isWanted(viewer.container)),
      holder: (holder) => isWanted(holder.container),
    });
  }
  return instances;
}

interface Wanted {
  place(place: ProcfsInstance["places"][number]): boolean;
  holder(holder: ProcfsInstance["holders"][number]): boolean;
}

function keep(instances: readonly ProcfsInstance[], wanted: Wanted): ProcfsInstance[] {
  return instances
    .map((one) => ({
      ...one,
      places: one.places.filter((place) => wanted.place(place)),
      holders: one.holders.filter((holder) => wanted.holder(holder)),
    }))
    .filter(({ places, holders }) => places.length > 0 || holders.length > 0);
}

/** The running containers that `name` names: one, or those of a pod. */
function containersOf({ tasks, containerOf }: NodeSurvey, name: string): readonly ContainerRef[] {
  const all = new Map<string, ContainerRef>();
  for (const task of tasks) {
    const container = containerOf(task);
    if (container !== null) all.set(container.id, container);
  }
  const { containers, prefix } = matchContainers(all.values(), name);
  if (containers.length === 0) throw noTarget(`there is no container ${quoted(name)}`);
  if (prefix) oneOf(containers, name);
  return containers;
}

/** The id of the one that is meant; the sandbox of a pod is not. */
function oneOf(containers: readonly ContainerRef[], name: string): string {
  const payloads = payloadsOf(containers);
  if (payloads.length === 1) return payloads[0]!.id;
  const found = payloads.slice(0, MAX_CANDIDATES).map(containerName);
  if (payloads.length > found.length) found.push(`${payloads.length - found.length} more`);
  throw noTarget(`${quoted(name)} can mean ${payloads.length} containers`, found.join(", "));
}

function noTarget(message: string, found?: string): KeyholeError {
  return new KeyholeError(message, {
    code: "KEYHOLE_PROCFS_TARGET",
    expected: "one running process or container",
    ...(found !== undefined && { found }),
    hint: "`keyhole procfs` without a filter names all that can see a procfs",
  });
}
