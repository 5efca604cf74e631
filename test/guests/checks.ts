import type { AgentEvent, KeyholeEvent, Namespaces, SyscallEvent } from "../../src/event.js";
import { describeDifferences } from "./act-checks.js";
import { type Act, actsOf, eventsOf, type Results, type Run } from "./results.js";

/** One thing that must hold, and why it does not: empty where it does. */
export interface Check {
  readonly name: string;
  readonly wrong: readonly string[];
}

/** The programs of bpf/capture.bpf.c: all of them attach on every kernel here. */
const PROGRAMS = ["call_returned", "task_created", "task_executed", "task_exited", "tasks"];

/** What the agent must have said and done in a guest. */
export function check(results: Results): Check[] {
  const checks: Check[] = [];
  const add = (name: string, look: () => readonly string[]): void => {
    try {
      checks.push({ name, wrong: look() });
    } catch (error) {
      checks.push({ name, wrong: [error instanceof Error ? error.message : String(error)] });
    }
  };
  add("doctor", () => doctor(results));
  add("run ends with status 0 at SIGINT", () => runEnd(results));
  add("run attaches every program", () => attached(results));
  add("the programs did their acts", () => (results.acts.status === 0 ? [] : [results.acts.stderr]));
  const calls = eventsOf(results).filter((event) => event.type === "syscall");
  const { pairs, extra } = match(actsOf(results), calls);
  for (const [index, [act, event]] of pairs.entries()) {
    add(`act ${index + 1}: ${title(act)}`, () =>
      event === null ? ["no such event"] : describeDifferences(act, event),
    );
  }
  add("the programs did nothing else", () => extra.map((event) => JSON.stringify(event)));
  add("namespaces have ids where the kernel has them, and null elsewhere", () => ids(results, calls));
  add("scan without a container", () => scan(results));
  add("scan with a container that shows the host's processes", () => scanOfBox(results, calls));
  add("tree", () => tree(results));
  return checks;
}

/** Which BPF object the kernel took: the twin is read when it refuses the first. */
export function objectUsed({ objects }: Results): string {
  return objects.includes("capture-probe.bpf.o") ? "capture-probe" : "capture";
}

function title({ syscall, abi, args, ret, errno }: Act): string {
  return `${abi} ${syscall} ${JSON.stringify(args)} = ${errno || ret}`;
}

/** Each act with its event: of the same task and call, in order; and the events of those tasks that are left. */
function match(acts: readonly Act[], events: readonly SyscallEvent[]) {
  const tids = new Set(acts.map(({ pid }) => pid));
  const extra = events.filter(({ process }) => tids.has(process.tid));
  const pairs = acts.map((act): [Act, SyscallEvent | null] => {
    const index = extra.findIndex(
      ({ process, syscall }) => process.tid === act.pid && syscall === act.syscall,
    );
    return [act, index === -1 ? null : extra.splice(index, 1)[0]!];
  });
  return { pairs, extra };
}

function doctor({ doctor: { status, stdout, stderr } }: Results): string[] {
  const wrong = status === 0 || status === 1 ? [] : [`it ended with status ${status}`];
  if (stderr !== "") wrong.push(stderr);
  const report = JSON.parse(stdout) as { checks: { name: string; status: string; found: string }[] };
  for (const program of PROGRAMS) {
    const one = report.checks.find(({ name }) => name === `program ${program}`);
    if (one?.status !== "ok") wrong.push(`program ${program}: ${one?.found ?? "not listed"}`);
  }
  return wrong;
}

function runEnd(results: Results): string[] {
  const { status, stderr } = results.run;
  const wrong = status === 0 ? [] : [`it ended with status ${status}`];
  if (stderr !== "") wrong.push(stderr);
  const events = eventsOf(results);
  const last = events.at(-1);
  if (last?.type !== "agent" || last.state !== "stopping") wrong.push("the last event is not `stopping`");
  for (const event of events) {
    if (event.type === "lost") wrong.push(`lost ${event.count}: ${event.reason}`);
  }
  return wrong;
}

function attached(results: Results): string[] {
  const { programs } = startOf(eventsOf(results)) as unknown as {
    readonly programs: readonly { program: string; attached: boolean; detail: string }[];
  };
  const wrong = programs
    .filter((one) => !one.attached)
    .map(({ program, detail }) => `${program} is not attached: ${detail}`);
  const missing = PROGRAMS.filter((name) => !programs.some(({ program }) => program === name));
  return [...wrong, ...missing.map((name) => `${name} is not listed`)];
}

function startOf(events: readonly KeyholeEvent[]): AgentEvent {
  const start = events.find((event) => event.type === "agent" && event.state === "started");
  if (start?.type !== "agent") throw new Error("run never started");
  return start;
}

/**
 * NS_GET_ID came with Linux 6.18, NS_GET_MNTNS_ID for mount namespaces with 6.11. The start must say that they
 * are missing where they are.
 */
function ids(results: Results, calls: readonly SyscallEvent[]): string[] {
  const all = isAtLeast(results.release, 6, 18);
  const mounts = isAtLeast(results.release, 6, 11);
  const { fallbacks } = startOf(eventsOf(results)) as unknown as { readonly fallbacks: { name: string }[] };
  const wrong: string[] = [];
  for (const [name, expected] of [
    ["NS_GET_ID", !all],
    ["NS_GET_MNTNS_ID", !mounts],
  ] as const) {
    const listed = fallbacks.some((fallback) => fallback.name === name);
    if (listed !== expected) wrong.push(`${name} is ${listed ? "" : "not "}among the fallbacks`);
  }
  for (const { syscall, namespaces } of calls) {
    for (const [type, { inum, id }] of Object.entries(namespaces as Required<Namespaces>)) {
      const expected = all || (mounts && type === "mnt");
      if (expected !== (id !== null)) wrong.push(`${syscall}: the id of ${type}:[${inum}] is ${id}`);
    }
  }
  return [...new Set(wrong)];
}

function isAtLeast(release: string, major: number, minor: number): boolean {
  const [foundMajor = 0, foundMinor = 0] = release.split(".").map(Number);
  return foundMajor > major || (foundMajor === major && foundMinor >= minor);
}

interface ScanReport {
  readonly complete: boolean;
  readonly containers: number;
  readonly findings: readonly {
    readonly rule: string;
    readonly evidence: readonly { readonly fact: string }[];
  }[];
}

/** Nothing in the guest is a container. */
function scan({ scan }: Results): string[] {
  const { report, wrong } = readScan(scan, 0);
  if (report.findings.length !== 0) wrong.push(`findings: ${JSON.stringify(report.findings)}`);
  return wrong;
}

/** What only the superblock tells: the procfs is not the host's, but shows the host's pid namespace. */
function scanOfBox({ boxScan }: Results, calls: readonly SyscallEvent[]): string[] {
  const { report, wrong } = readScan(boxScan, 1);
  const found = report.findings.find(({ rule }) => rule === "proc-host-pidns-visible");
  if (found === undefined) wrong.push(`no proc-host-pidns-visible: ${JSON.stringify(report.findings)}`);
  // the last act was done by a task of the host
  const host = `pid:[${calls.at(-1)?.namespaces.pid?.inum}]`;
  if (found?.evidence.some(({ fact }) => fact.includes(host)) === false) {
    wrong.push(`${host} is not in its evidence: ${JSON.stringify(found.evidence)}`);
  }
  return wrong;
}

function readScan(
  { status, stdout, stderr }: Run,
  containers: number,
): { report: ScanReport; wrong: string[] } {
  const wrong = status === 0 || status === 1 ? [] : [`it ended with status ${status}`];
  if (stderr !== "") wrong.push(stderr);
  const report = JSON.parse(stdout) as ScanReport;
  if (!report.complete) wrong.push("it is not complete");
  if (report.containers !== containers)
    wrong.push(`containers: expected ${containers}, found ${report.containers}`);
  return { report, wrong };
}

/** The namespaces that /proc shows, and no other. */
function tree({ tree: { status, stdout, stderr }, links }: Results): string[] {
  const wrong = status === 0 ? [] : [`it ended with status ${status}`];
  if (stderr !== "") wrong.push(stderr);
  const { namespaces } = JSON.parse(stdout) as { namespaces: { type: string; ns: number }[] };
  const told = new Set(namespaces.map(({ type, ns }) => `${type}:[${ns}]`));
  for (const name of links) if (!told.has(name)) wrong.push(`${name} is missing`);
  for (const name of told) if (!links.includes(name)) wrong.push(`${name} is nowhere below /proc`);
  return wrong;
}
