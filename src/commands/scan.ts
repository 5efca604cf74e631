import { hostname } from "node:os";
import type { Config } from "../config/config.js";
import { KeyholeError } from "../errors.js";
import { SCHEMA_VERSION, SEVERITIES, type Severity } from "../event.js";
import { buildContainerView, readHostProcDev, type ViewSources } from "../exposures/container-view.js";
import { type DetachedSources, detachedByContainer } from "../exposures/detached-files.js";
import { Exposures } from "../exposures/engine.js";
import type { FindingChange } from "../exposures/findings.js";
import { readNodeFacts } from "../exposures/node-facts.js";
import { loadRuleSet } from "../exposures/rule-loader.js";
import { describeProblem } from "../exposures/rule-problems.js";
import { NO_OVERRIDES } from "../exposures/rule-set.js";
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

export interface ScanTarget {
  /** Directory below which the host's /proc and /sys are found. */
  readonly hostRoot: string;
  /** Only this container: its id, the beginning of it, or its name. */
  readonly container?: string;
  /** Only the container of this process. */
  readonly pid?: number;
  /** What the configuration says about the rules and the node's name. */
  readonly config?: Pick<Config, "rules" | "node">;
}

export const SCAN_OUTPUTS = ["table", "json", "sarif", "markdown"] as const;
export type ScanOutput = (typeof SCAN_OUTPUTS)[number];

export interface ScanOptions extends ScanTarget {
  readonly output: ScanOutput;
  /** End with 1 when there is a finding of this severity or a worse one; null: never. */
  readonly failOn: Severity | null;
  readonly color: boolean;
}

/** Something that the scan could not look at, and why. What is not listed and has no finding is clean. */
export interface NotSeen {
  readonly what: string;
  readonly reason: string;
}

export interface ScanReport {
  readonly schema: typeof SCHEMA_VERSION;
  readonly node: string;
  /** RFC 3339, when the scan began. */
  readonly time: string;
  /** Whether {@link notSeen} is empty. */
  readonly complete: boolean;
  readonly notSeen: readonly NotSeen[];
  /** Findings that are not in {@link findings}, by reason: see {@link Exposures.suppressed}. */
  readonly suppressed: { readonly [reason: string]: number };
  /** How many containers were looked at. */
  readonly containers: number;
  /** The most severe first. */
  readonly findings: readonly FindingChange[];
}

/**
 * `keyhole scan`: one look at the running containers. Resolves to the exit status, 0, or 1 by `failOn`. Throws a
 * {@link KeyholeError} where nothing can be seen (exit status 3) or the target does not exist (2).
 */
export async function scan(options: ScanOptions): Promise<number> {
  const report = takeScan(options, progressOn(process.stderr));
  const text = await textOf(report, options);
  await new Promise<void>((resolve, reject) =>
    process.stdout.write(text, (error) => (error ? reject(error) : resolve())),
  );
  const { failOn } = options;
  const bad = failOn === null ? [] : report.findings.filter(({ severity }) => rank(severity) <= rank(failOn));
  return bad.length > 0 ? 1 : 0;
}

async function textOf(report: ScanReport, { output, color }: ScanOptions): Promise<string> {
  switch (output) {
    case "table":
      return describe(report, color);
    case "json":
      return `${JSON.stringify(report)}\n`;
    case "sarif":
      return `${JSON.stringify((await import("../publish/sarif.js")).sarif(report), null, 2)}\n`;
    case "markdown":
      return (await import("../publish/markdown.js")).markdown(report);
  }
}

/** Looks at the containers of the node and returns what was found. `progress` is called after each. */
export function takeScan(target: ScanTarget, progress: Progress = () => {}): ScanReport {
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
  const chosen = choose(all, tasks, containers, target);

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
  const node = readNodeFacts(host);
  const sources: ViewSources = {
    host,
    hostNs,
    hostProcDev,
    existing: node.existing,
    node,
    superblocks: kernel?.superblocks ?? null,
    detached: kernel?.detached ?? null,
    sharers: (pidNs) => all.filter(({ task }) => task?.ns[LINK_INDEX.pid] === pidNs).length,
    descends: (inum, ancestor) => graph.descends("pid", inum, ancestor),
  };
  if (hostProcDev === null) {
    notSeen.push({ what: "mounts of the host's own /proc", reason: "pid 1 has no procfs at /proc" });
  }

  const { rules, problems, omitted } = loadRuleSet({
    directory: target.config?.rules.directory ?? null,
    overrides: target.config?.rules ?? NO_OVERRIDES,
  });
  for (const problem of problems)
    notSeen.push({ what: "what a rule is for", reason: describeProblem(problem) });
  if (omitted > 0) notSeen.push({ what: "what rules are for", reason: `${omitted} more problems` });
  const exposures = new Exposures({ rules, hostProcDev });
  exposures.leaveOut(ownContainer(host, containers, (pid) => tasks.find((task) => task.pid === pid)));
  const findings = new Map<string, FindingChange>();
  for (const [index, one] of chosen.entries()) {
    for (const finding of look(one, sources, exposures, notSeen)) findings.set(finding.id, finding);
    progress(index + 1, chosen.length);
  }
  return {
    schema: SCHEMA_VERSION,
    node: target.config?.node || hostname(),
    time,
    complete: notSeen.length === 0,
    notSeen,
    suppressed: Object.fromEntries([...exposures.suppressed()].filter(([, count]) => count > 0)),
    containers: chosen.length,
    findings: [...findings.values()].sort((a, b) => rank(a.severity) - rank(b.severity)),
  };
}

function look(
  { container, task }: Representative,
  sources: ViewSources,
  exposures: Exposures,
  notSeen: NotSeen[],
): FindingChange[] {
  const what = `container ${container.id}`;
  if (task === null) {
    notSeen.push({ what, reason: "none of its tasks has left the host's mount namespace" });
    return [];
  }
  if (task.exe !== null && /(?:^|\/)runsc$/.test(task.exe)) {
    notSeen.push({ what, reason: "it runs on a kernel of its own (gVisor): only its outside was looked at" });
  }
  try {
    const view = buildContainerView(container, task, sources);
    // It ended meanwhile: there is nothing left to be exposed.
    return view === null ? [] : exposures.posture(view);
  } catch (error) {
    if (!(error instanceof KeyholeError)) throw error;
    notSeen.push({ what, reason: `${error.message}: ${error.found ?? error.code}` });
    return [];
  }
}

function choose(
  all: readonly Representative[],
  tasks: readonly Task[],
  containers: Containers,
  target: ScanTarget,
): readonly Representative[] {
  const { container, pid } = target;
  let chosen = all;
  if (container !== undefined) {
    chosen = chosen.filter(({ container: { id, name } }) => id.startsWith(container) || name === container);
    if (chosen.length !== 1) throw noSuchContainer(`container ${container}`, chosen.length);
  }
  if (pid !== undefined) {
    const task = tasks.find((one) => one.pid === pid);
    const id = task === undefined ? null : containers.of(task)?.id;
    chosen = chosen.filter((one) => one.container.id === id);
    if (chosen.length !== 1) throw noSuchContainer(`process ${pid} in a container`, chosen.length);
  }
  return chosen;
}

function noSuchContainer(what: string, found: number): KeyholeError {
  return new KeyholeError(found === 0 ? `there is no ${what}` : `there is more than one ${what}`, {
    code: "KEYHOLE_SCAN_TARGET",
    expected: "one running container",
    found: String(found),
    hint: "`keyhole scan` without a target names the containers it finds something in",
  });
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

type Progress = (done: number, total: number) => void;

/** Says how far it is, on a terminal and after the first second only. */
function progressOn(stream: NodeJS.WriteStream): Progress {
  const start = performance.now();
  return (done, total) => {
    if (!stream.isTTY || performance.now() - start < 1000) return;
    stream.write(done === total ? "\r\x1b[K" : `\rkeyhole: looked at ${done} of ${total} containers`);
  };
}

function describe(report: ScanReport, color: boolean): string {
  let text = findingsTable(report.findings, color);
  text += `containers looked at: ${report.containers}, findings: ${report.findings.length}\n`;
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
