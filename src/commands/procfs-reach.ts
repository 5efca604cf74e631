import { KeyholeError } from "../errors.js";
import type { Severity } from "../event.js";
import { buildContainerView, type ViewSources } from "../exposures/container-view.js";
import { type Kin, kinOf } from "../exposures/kin.js";
import { type Reach, reachOf, worstOf } from "../exposures/reach.js";
import { type ReachFacts, readReachFacts } from "../exposures/reach-facts.js";
import { readSubject, type Subject, type SubjectChoice } from "../exposures/subject.js";
import type { HostPath } from "../kernel/host-path.js";
import { LINK_INDEX } from "../kernel/links.js";
import type { NotSeen } from "../mounts/procfs-survey.js";
import type { Task } from "../namespaces/task.js";
import { type Representative, representatives } from "../workloads/representatives.js";
import type { NodeSurvey } from "./procfs-survey.js";

/** What one container can read and write of the procfs instances that it sees. */
export interface ContainerReach {
  readonly container: string;
  /** The task whose credentials and mounts were judged. */
  readonly pid: number;
  readonly as: SubjectChoice;
  readonly subject: Pick<Subject, "uid" | "gid" | "class">;
  /** The worst of all; null where nothing can be reached. */
  readonly severity: Severity | null;
  /** How many paths there are of each severity. */
  readonly paths: Readonly<Record<Severity, number>>;
  /** Only where one container was asked for: they are some hundred each. */
  readonly reaches: readonly Reach[] | null;
}

export interface ReachSurvey {
  readonly containers: readonly ContainerReach[];
  readonly notSeen: readonly NotSeen[];
}

/**
 * Judges the container `id` of a survey, or all of them where it is null. `progress` is called after each. Throws
 * KEYHOLE_PROCFS_TARGET when the one that is named cannot be looked at, and KEYHOLE_CATALOGUE.
 */
export function surveyReach(
  host: HostPath,
  survey: NodeSurvey,
  id: string | null,
  as: SubjectChoice,
  progress: (done: number, total: number) => void = () => {},
): ReachSurvey {
  const { tasks, containerOf, hostNs } = survey;
  const facts = readReachFacts(host, hostNs[LINK_INDEX.net]!);
  const notSeen: NotSeen[] = [
    ...facts.host.unread.map(({ path, errno }) => ({ what: `entries below ${path}`, reason: errno })),
    ...facts.host.covered.map((path) => ({
      what: `entries below ${path}`,
      reason: "a mount on the host's /proc",
    })),
  ];
  const all = representatives(tasks, containerOf, hostNs);
  const chosen = id === null ? all : all.filter(({ container }) => container.id === id);
  const found: ContainerReach[] = [];
  for (const [index, one] of chosen.entries()) {
    const judged = judge(host, survey, facts, one, as);
    if (typeof judged !== "string") found.push(id === null ? { ...judged, reaches: null } : judged);
    else if (id === null) notSeen.push({ what: `container ${one.container.id}`, reason: judged });
    else throw unseen(id, judged);
    progress(index + 1, chosen.length);
  }
  if (id !== null && chosen.length === 0) throw unseen(id, "it has ended");
  return { containers: found, notSeen };
}

/** What a container reaches; or why that cannot be said. */
function judge(
  host: HostPath,
  survey: NodeSurvey,
  facts: ReachFacts,
  { container, task }: Representative,
  as: SubjectChoice,
): ContainerReach | string {
  const { hostNs, hostProcDev, superblocks, graph } = survey;
  if (task === null) return "none of its tasks has left the host's mount namespace";
  const sources: ViewSources = {
    host,
    hostNs,
    hostProcDev,
    existing: new Map(),
    superblocks,
    descends: (inum, ancestor) => graph.descends("pid", inum, ancestor),
  };
  const userNs = task.ns[LINK_INDEX.user]!;
  try {
    const view = buildContainerView(container, task, sources);
    const subject = readSubject(host, task, hostNs[LINK_INDEX.user]!, as);
    if (view === null) return "it has ended";
    if (subject === null) return as === "root" ? "there is no uid 0 in it" : "it has ended";
    const kin = (pidNs: number | null) => firstKin(host, survey, container.id, subject, { pidNs, userNs });
    const reaches = reachOf(view, subject, { ...facts, kin: ({ pidNs }) => kin(pidNs) });
    const { uid, gid, class: kind } = subject;
    return {
      container: container.id,
      pid: task.pid,
      as,
      subject: { uid, gid, class: kind },
      severity: worstOf(reaches),
      paths: countsOf(reaches),
      reaches,
    };
  } catch (error) {
    if (!(error instanceof KeyholeError)) throw error;
    return `${error.message}: ${error.found ?? error.code}`;
  }
}

/**
 * A process outside of container `id`, of those that an instance shows, that `subject` may look into: one of the host, or
 * else of another container.
 */
function firstKin(
  host: HostPath,
  { tasks, containerOf, graph }: NodeSurvey,
  id: string,
  subject: Subject,
  { pidNs, userNs }: { readonly pidNs: number | null; readonly userNs: number },
): Kin | null {
  const others: Task[] = [];
  const hosts: Task[] = [];
  for (const task of tasks) {
    const own = task.ns[LINK_INDEX.pid]!;
    if (pidNs !== null && own !== pidNs && graph.descends("pid", own, pidNs) !== true) continue;
    const container = containerOf(task);
    if (container === null) hosts.push(task);
    else if (container.id !== id) others.push(task);
  }
  for (const task of kinOf(host, [...hosts, ...others], subject, userNs, graph))
    return { pid: task.pid, container: containerOf(task)?.id ?? null };
  return null;
}

function countsOf(reaches: readonly Reach[]): Record<Severity, number> {
  const counts = { critical: 0, high: 0, medium: 0, low: 0, info: 0 };
  for (const { severity } of reaches) if (severity !== null) counts[severity] += 1;
  return counts;
}

function unseen(id: string, why: string): KeyholeError {
  return new KeyholeError(`container ${id} cannot be looked at`, {
    code: "KEYHOLE_PROCFS_TARGET",
    expected: "one running process or container",
    found: why,
    hint: "`keyhole procfs` without a filter names all that can see a procfs",
  });
}
