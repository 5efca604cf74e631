import { KeyholeError } from "../errors.js";
import { SCHEMA_VERSION } from "../event.js";
import type { SubjectChoice } from "../exposures/subject.js";
import { HostPath } from "../kernel/host-path.js";
import { LINK_INDEX } from "../kernel/links.js";
import type { ProcfsInstance } from "../mounts/procfs-instances.js";
import { procfsDocument } from "../publish/procfs-document.js";
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
  /** Only instances that processes of this container can see or hold: its id, the beginning of it, or its name. */
  readonly container?: string;
  /** What that container can read and write, instead of which instances it can see; of all containers how much. */
  readonly reach?: boolean;
  /** Whose credentials `reach` judges; those of the container's first process when it is not given. */
  readonly as?: SubjectChoice;
  /** Where the text goes; stdout when it is not given. */
  readonly write?: (text: string) => void;
}

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
  const id = options.container === undefined ? null : containerId(survey, options.container);
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
    const id = containerId(survey, container);
    instances = keep(instances, {
      place: (place) => place.viewers.some((viewer) => viewer.container?.id === id),
      holder: (holder) => holder.container?.id === id,
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

/** The id of the one running container that `name` names. */
function containerId({ tasks, containerOf }: NodeSurvey, name: string): string {
  const ids = new Set<string>();
  for (const task of tasks) {
    const container = containerOf(task);
    if (container === null) continue;
    if (container.id === name) return name;
    if (container.id.startsWith(name) || container.name === name) ids.add(container.id);
  }
  const [id, ...more] = ids;
  if (id === undefined) throw noTarget(`there is no container ${name}`);
  if (more.length > 0) throw noTarget(`there is more than one container ${name}`, String(ids.size));
  return id;
}

function noTarget(message: string, found?: string): KeyholeError {
  return new KeyholeError(message, {
    code: "KEYHOLE_PROCFS_TARGET",
    expected: "one running process or container",
    ...(found !== undefined && { found }),
    hint: "`keyhole procfs` without a filter names all that can see a procfs",
  });
}
