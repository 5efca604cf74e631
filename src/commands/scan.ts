import { hostname } from "node:os";
import type { Config } from "../config/config.js";
import { KeyholeError } from "../errors.js";
import { type ContainerRef, SEVERITIES, type Severity } from "../event.js";
import { buildContainerView, readHostProcDev, type ViewSources } from "../exposures/container-view.js";
import { type DetachedSources, detachedByContainer } from "../exposures/detached-files.js";
import { Exposures } from "../exposures/engine.js";
import type { FindingChange } from "../exposures/findings.js";
import { readNodeFacts } from "../exposures/node-facts.js";
import type { RecordingFile } from "../exposures/recording-writer.js";
import { describeProblem } from "../exposures/rule-problems.js";
import { HostPath } from "../kernel/host-path.js";
import { LINK_INDEX } from "../kernel/links.js";
import { EXIT_REFUSED, INIT_PID_NS } from "../kernel/privileges.js";
import { readProcTasks } from "../kernel/proc-tasks.js";
import { readStatus } from "../kernel/status.js";
import { Probes } from "../mounts/probes.js";
import { NamespaceGraph } from "../namespaces/graph.js";
import type { Task } from "../namespaces/task.js";
import { neutralise } from "../publish/neutral.js";
import { Containers } from "../workloads/containers.js";
import { ownContainer } from "../workloads/own-container.js";
import { type Representative, representatives } from "../workloads/representatives.js";
import { findingsTable } from "./findings-table.js";
import { type Progress, progressOn } from "./progress.js";
import { loadedRulesOf, rulesOf } from "./rules-of.js";
import { ScanNotes } from "./scan-notes.js";
import {
  chooseContainers,
  type NotSeen,
  type ScanReport,
  type ScanTarget,
  scanReport,
} from "./scan-report.js";
import { scoresTable } from "./scores-table.js";

export interface NodeTarget extends ScanTarget {
  /** Directory below which the host's /proc and /sys are found. */
  readonly hostRoot: string;
  /** The recording that is written, null: none. */
  readonly record?: RecordingFile | null;
  /** What the configuration says about the rules and the node's name. */
  readonly config?: Pick<Config, "rules" | "node">;
}

export const SCAN_OUTPUTS = ["table", "json", "sarif", "markdown"] as const;
export type ScanOutput = (typeof SCAN_OUTPUTS)[number];

export interface ScanOptions extends NodeTarget {
  /** A recording to look at instead of this node. */
  readonly input?: string;
  readonly output: ScanOutput;
  /** End with 1 when there is a finding of this severity or a worse one; null: never. */
  readonly failOn: Severity | null;
  readonly color: boolean;
}

/**
 * `keyhole scan`: one look at the running containers. Resolves to the exit status, 0, or 1 by `failOn`. Throws a
 * {@link KeyholeError} where nothing can be seen (exit status 3) or the target does not exist (2).
 */
export async function scan(options: ScanOptions): Promise<number> {
  const report =
    options.input === undefined
      ? takeScan(options, progressOn(process.stderr, "containers"))
      : (await import("./scan-recording.js")).scanRecording(options.input, options);
  const text = await textOf(report, options);
  await new Promise<void>((resolve, reject) =>
    process.stdout.write(text, (error) => (error ? reject(error) : resolve())),
  );
  const { failOn } = options;
  const bad = failOn === null ? [] : report.findings.filter(({ severity }) => rank(severity) <= rank(failOn));
  return bad.length > 0 ? 1 : 0;
}

async function textOf(report: ScanReport, { output, color, config }: ScanOptions): Promise<string> {
  switch (output) {
    case "table":
      return describe(report, color);
    case "json":
      return `${JSON.stringify(report)}\n`;
    case "sarif":
      return `${JSON.stringify((await import("../publish/sarif.js")).sarif(report, rulesOf(config)), null, 2)}\n`;
    case "markdown":
      return (await import("../publish/markdown.js")).markdown(report);
  }
}

/** Looks at the containers of the node and returns what was found. `progress` is called after each. */
export function takeScan(target: NodeTarget, progress: Progress = () => {}): ScanReport {
  const time = new Date().toISOString();
  const host = new HostPath(target.hostRoot);
  const tasks = readProcTasks(host);
  if (tasks.length === 0) {
    throw new KeyholeError(`there are no processes below ${host.proc()}`, {
      code: "KEYHOLE_SCAN_PROC",
      expected: "the host's /proc",
      hint: "point --host-root at where the host's root is mounted",
      exitCode: EXIT_REFUSED,
    });
  }
  const graph = new NamespaceGraph({ host });
  for (const task of tasks) graph.observe(task);
  const hostNs = graph.anchors.host;
  const containers = new Containers({ host, hostNs, graph });
  const all = representatives(tasks, (task) => containers.of(task), hostNs);
  const ofPid = (pid: number) => {
    const task = tasks.find((one) => one.pid === pid);
    return (task === undefined ? null : containers.of(task)?.id) ?? null;
  };
  const chosen = chooseContainers(all, target, ofPid);

  const notSeen: NotSeen[] = [];
  if (hostNs[LINK_INDEX.pid] !== INIT_PID_NS) {
    notSeen.push({ what: "the rest of the node", reason: "this is not the initial pid namespace" });
  }
  const hidden = tasks.filter((task) => isHidden(task, host)).length;
  if (hidden > 0) notSeen.push({ what: `${hidden} tasks`, reason: "their namespaces may not be read" });

  const hostProcDev = readHostProcDev(host);
  const byPid = new Map(tasks.filter(({ pid, tid }) => pid === tid).map((task) => [task.pid, task]));
  const kernel = askKernel(host, notSeen, {
    hostNs,
    taskOf: (pid) => byPid.get(pid),
    containerOf: (task) => containers.of(task)?.id ?? null,
  });
  const facts = readNodeFacts(host);
  const sources: ViewSources = {
    host,
    hostNs,
    hostProcDev,
    existing: facts.existing,
    node: facts,
    superblocks: kernel?.superblocks ?? null,
    detached: kernel?.detached ?? null,
    sharers: (pidNs) => all.filter(({ task }) => task?.ns[LINK_INDEX.pid] === pidNs).length,
    descends: (inum, ancestor) => graph.descends("pid", inum, ancestor),
  };
  if (hostProcDev === null) {
    notSeen.push({ what: "mounts of the host's own /proc", reason: "pid 1 has no procfs at /proc" });
  }

  const { rules, problems, omitted } = loadedRulesOf(target.config);
  for (const problem of problems)
    notSeen.push({ what: "what a rule is for", reason: describeProblem(problem) });
  if (omitted > 0) notSeen.push({ what: "what rules are for", reason: `${omitted} more problems` });
  const node = target.config?.node || hostname();
  const notes =
    target.record == null ? null : new ScanNotes(target.record, { node, hostNs, hostProcDev, rules });
  const exposures = new Exposures({ rules, hostProcDev, ...(notes !== null && { now: notes.now }) });
  const inputs = notes?.around(exposures, sources.superblocks !== null) ?? exposures;
  inputs.leaveOut(ownContainer(host, containers, (pid) => tasks.find((task) => task.pid === pid)));
  const looked: ContainerRef[] = [];
  for (const [index, one] of chosen.entries()) {
    const changes = look(one, sources, inputs, notSeen);
    if (changes !== null) looked.push(one.container);
    notes?.publish(changes ?? []);
    progress(index + 1, chosen.length);
  }
  notes?.close();
  return scanReport(exposures, looked, { node, time, recording: null, notSeen });
}

/** What was found in a container; null where it could not be looked at, or is gone. */
function look(
  { container, task }: Representative,
  sources: ViewSources,
  exposures: Pick<Exposures, "posture">,
  notSeen: NotSeen[],
): FindingChange[] | null {
  const what = `container ${container.id}`;
  if (task === null) {
    notSeen.push({ what, reason: "none of its tasks has left the host's mount namespace" });
    return null;
  }
  if (task.exe !== null && /(?:^|\/)runsc$/.test(task.exe)) {
    notSeen.push({ what, reason: "it runs on a kernel of its own (gVisor): only its outside was looked at" });
  }
  try {
    const view = buildContainerView(container, task, sources);
    // It ended meanwhile: there is nothing left to be exposed.
    return view === null ? null : exposures.posture(view);
  } catch (error) {
    if (!(error instanceof KeyholeError)) throw error;
    notSeen.push({ what, reason: `${error.message}: ${error.found ?? error.code}` });
    return null;
  }
}

/** What only the kernel itself tells of the node; null without BPF. */
function askKernel(
  host: HostPath,
  notSeen: NotSeen[],
  sources: DetachedSources,
): Required<Pick<ViewSources, "superblocks" | "detached">> | null {
  const what = "the pid namespaces that procfs instances show";
  const probes = Probes.open(host);
  if (probes === null) {
    notSeen.push({ what, reason: "BPF cannot be used: run as root, on Linux 5.10 or later" });
    return null;
  }
  try {
    const { superblocks, complete } = probes.superblocks.read();
    if (!complete) notSeen.push({ what, reason: "some, because the kernel's list kept changing" });
    const files = probes.openFiles?.read() ?? null;
    if (files === null)
      notSeen.push({
        what: "procfs that is mounted nowhere",
        reason: "the kernel refuses the iterator of open files",
      });
    return {
      superblocks: new Map(superblocks.map((superblock) => [superblock.dev, superblock])),
      detached: files === null ? null : detachedByContainer(files.procfs, sources),
    };
  } finally {
    probes.close();
  }
}

/** Whether it cannot be told which namespaces `task` is in. Pid 1 is the host itself; a zombie is in none. */
function isHidden(task: Task, host: HostPath): boolean {
  if (task.ns[LINK_INDEX.mnt] !== 0 || task.pid === 1) return false;
  const state = readStatus(host, task.tid)?.state;
  return state !== undefined && state !== "Z" && state !== "X";
}

function describe(report: ScanReport, color: boolean): string {
  let text = findingsTable(report.findings, color);
  if (report.findings.length > 0) text += `\n${scoresTable(report.containers)}`;
  text += `containers looked at: ${report.containers.length}, findings: ${report.findings.length}\n`;
  for (const [reason, count] of Object.entries(report.suppressed))
    text += `not shown: ${count} (${reason})\n`;
  for (const { what, reason } of report.notSeen)
    text += `not seen: ${neutralise(what)}: ${neutralise(reason)}\n`;
  return text;
}

/** 0 is the most severe. */
function rank(severity: Severity): number {
  return SEVERITIES.indexOf(severity);
}
