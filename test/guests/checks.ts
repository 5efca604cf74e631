import type { AgentEvent, KeyholeEvent, Namespaces, SyscallEvent } from "../../src/event.js";
import { describeDifferences as describeAct } from "./act-checks.js";
import { INVENTORY_CHECKS } from "./inventory-checks.js";
import { openChecks } from "./open-checks.js";
import { isAtLeast } from "./release.js";
import { type Act, CROWD, MODES, type Mode, type Observed, type Results, type Run } from "./results.js";
import { callsByCase, describeDifferences, isAnyMark } from "./same-events.js";

/** One thing that must hold, and why it does not: empty where it does. */
export interface Check {
  /** The attach mode it is about; null for what has none. */
  readonly mode: Mode | null;
  readonly name: string;
  readonly wrong: readonly string[];
}

/** The programs of both modes: all of them attach on every kernel here. */
const PROGRAMS: Readonly<Record<Mode, readonly string[]>> = {
  tracepoint: ["call_returned", "task_created", "task_executed", "task_exited", "tasks"],
  fentry: [
    ...["calls", "task_created", "task_executed", "task_exited", "tasks"],
    ...[
      "file_opened",
      "copy_mount",
      "copy_parameter",
      "copy_move",
      "copy_umount",
      "copy_pivot",
      "copy_chroot",
    ],
  ],
};

/** Calls of the list that one of the kernels here lacks. */
const NEWER: ReadonlySet<string> = new Set(["mount_setattr", "open_tree_attr", "fchroot"]);

/** What the agent must have said and done in a guest. */
export function check(results: Results): Check[] {
  const checks: Check[] = [];
  const add = (mode: Mode | null, name: string, look: () => readonly string[]): void => {
    try {
      checks.push({ mode, name, wrong: look() });
    } catch (error) {
      checks.push({
        mode,
        name,
        wrong: [error instanceof Error ? (error.stack ?? error.message) : String(error)],
      });
    }
  };
  add(null, "doctor", () => doctor(results));
  const allowances = allowancesOf(results);
  for (const mode of MODES) {
    const observed = results.modes[mode];
    const calls = callsOf(observed);
    add(mode, "run ends with status 0 at SIGINT", () => runEnd(observed, results.release));
    add(mode, "run attaches every program", () => attached(mode, observed));
    add(mode, "the programs did their acts", () =>
      observed.actsRun.status === 0 ? [] : [observed.actsRun.stderr || `status ${observed.actsRun.status}`],
    );
    const { pairs, extra } = match(
      observed.acts,
      calls.filter(({ file }) => file === undefined),
    );
    for (const [index, [act, event]] of pairs.entries()) {
      add(mode, `act ${index + 1}: ${title(act)}`, () => {
        if (mode === "fentry" && act.errno === "ENOSYS") {
          return event === null ? [] : ["a call that the kernel does not have was told"];
        }
        if (event === null) return allowances[mode]-- > 0 ? [] : ["no such event"];
        return describeAct(act, event, mode);
      });
    }
    add(mode, "the programs did nothing else", () => extra.map((event) => JSON.stringify(event)));
    const unseen = mayBeSkipped(results.release) ? skippedIn(observed, /^(call_returned|file_opened)$/) : 0;
    const opens = openChecks(observed, calls, { mode, release: results.release, unseen });
    for (const [name, look] of opens) add(mode, name, look);
    add(mode, "what fsmount(2) makes is in no mount namespace", () => detachedMounts(calls));
    add(mode, "calls of many processes at once are told each as what it was", () =>
      crowd(observed, calls, results.release),
    );
    add(mode, "namespaces have ids where the kernel has them, and null elsewhere", () =>
      ids(results.release, observed, calls),
    );
  }
  addCases(results, allowances, add);
  add(null, "scan without a container", () => scan(results));
  add(null, "scan with a container that shows the host's processes", () => scanOfBox(results));
  add(null, "tree", () => tree(results));
  for (const [name, look] of Object.entries(INVENTORY_CHECKS))
    add(null, name, () => look(results.inventory, results.release));
  return checks;
}

/** How many calls may be missing in each mode, because the kernel skipped programs that tell of them, and that was counted. */
function allowancesOf({ release, modes }: Results): Record<Mode, number> {
  const of = (mode: Mode) => (mayBeSkipped(release) ? skippedIn(modes[mode]) : 0);
  return { tracepoint: of("tracepoint"), fentry: of("fentry") };
}

/** Every case was told by both modes, and as the same, but for calls that were counted as skipped. */
function addCases(
  { modes: { tracepoint, fentry } }: Results,
  allowances: Record<Mode, number>,
  add: (mode: Mode, name: string, look: () => readonly string[]) => void,
): void {
  const [before, after] = [callsByCase(tracepoint), callsByCase(fentry)];
  const allowance = { first: allowances.tracepoint, second: allowances.fentry };
  // of cases whose end was skipped in one of the modes: they are compared with the next
  let [carriedBefore, carriedAfter]: SyscallEvent[][] = [[], []];
  for (const { name, status } of fentry.cases) {
    add("fentry", `${name} is told as in tracepoint mode`, () => {
      const earlier = tracepoint.cases.find((one) => one.name === name);
      if (earlier?.status !== status)
        return [`it ended with status ${status}, and ${earlier?.status} before`];
      const [expected, found] = [before.get(name), after.get(name)];
      const known = [...carriedBefore!, ...(expected ?? [])].filter((event) => !isUnknown(event));
      const told = [...carriedAfter!, ...(found ?? [])];
      if (expected === undefined && allowance.first-- <= 0) return ["its mark is missing in tracepoint mode"];
      if (found === undefined && allowance.second-- <= 0) return ["its mark is missing in fentry mode"];
      const isWhole = expected !== undefined && found !== undefined;
      carriedBefore = isWhole ? [] : known;
      carriedAfter = isWhole ? [] : told;
      if (!isWhole) return [];
      if (known.length === 0) return ["nothing was told of it"];
      return describeDifferences(known, told, allowance);
    });
  }
  if (fentry.cases.length === 0) add("fentry", "the cases of test/programs", () => ["none was run"]);
}

/** How often the kernel skipped those programs that tell of calls, or others. */
function skippedIn({ events }: Observed, programs = /^(call_|leave_|seccomp_)/): number {
  const last = events.findLast((event) => event.type === "lost" && event.reason === "recursion");
  if (last?.type !== "lost") return 0;
  return Object.entries(last.programs ?? {})
    .filter(([program]) => programs.test(program))
    .reduce((sum, [, skipped]) => sum + skipped, 0);
}

/** A call that the kernel does not have: its return alone tells of it. */
function isUnknown({ syscall, errno }: SyscallEvent): boolean {
  return errno === "ENOSYS" && NEWER.has(syscall);
}

function callsOf({ events }: Observed): SyscallEvent[] {
  return events.filter((event) => event.type === "syscall");
}

/** Which BPF object the agent took, by what it says at its start. */
export function objectUsed({ events }: Observed): string {
  return String(startOf(events).object);
}

function title({ syscall, abi, args, ret, errno }: Act): string {
  return `${abi} ${syscall} ${JSON.stringify(args)} = ${errno || ret}`;
}

/** Each act with its event: of the same task and call, in order; and the events of those tasks that are left. */
function match(acts: readonly Act[], events: readonly SyscallEvent[]) {
  const tids = new Set(acts.map(({ tid }) => tid));
  const end = events.findIndex(isAnyMark);
  const extra = events.slice(0, end).filter(({ process }) => tids.has(process.tid));
  const pairs = acts.map((act): [Act, SyscallEvent | null] => {
    const index = extra.findIndex(
      (event) => event.process.tid === act.tid && event.syscall === act.syscall && event.abi === act.abi,
    );
    // what is not told must not take the next event of its name
    if (index === -1 || (act.errno === "ENOSYS" && extra[index]!.errno !== "ENOSYS")) return [act, null];
    return [act, extra.splice(index, 1)[0]!];
  });
  return { pairs, extra };
}

interface DoctorReport {
  readonly checks: readonly { readonly name: string; readonly status: string; readonly found: string }[];
}

/** Every kernel here takes fentry, so that it is what `auto` chooses. */
function doctor({ doctor: { status, stdout, stderr } }: Results): string[] {
  const wrong = status === 0 || status === 1 ? [] : [`it ended with status ${status}`];
  if (stderr !== "") wrong.push(stderr);
  const { checks } = JSON.parse(stdout) as DoctorReport;
  const found = (name: string) => checks.find((one) => one.name === name);
  const mode = found("attach mode")?.found ?? "not told";
  if (!mode.startsWith("fentry: ")) wrong.push(`attach mode: ${mode}`);
  for (const program of PROGRAMS.fentry) {
    const one = found(`program ${program}`);
    if (one?.status !== "ok") wrong.push(`program ${program}: ${one?.found ?? "not listed"}`);
  }
  return wrong;
}

/**
 * Since Linux 7.0 tracepoints can be preempted, as trampolines always could: whoever runs on that processor meanwhile
 * passes the program by, which the kernel counts. Under emulation that happens in every run.
 */
function mayBeSkipped(release: string): boolean {
  return isAtLeast(release, 7, 0);
}

function runEnd({ run, events }: Observed, release: string): string[] {
  const { status, stderr } = run;
  const wrong = status === 0 ? [] : [`it ended with status ${status}`];
  // every rule has its facts on each of these kernels, or the log names it
  if (stderr !== "") wrong.push(stderr);
  const last = events.at(-1);
  if (last?.type !== "agent" || last.state !== "stopping") wrong.push("the last event is not `stopping`");
  for (const event of events) {
    if (event.type !== "lost" || (event.reason === "recursion" && mayBeSkipped(release))) continue;
    wrong.push(`lost ${event.count}: ${event.reason}`);
  }
  return wrong;
}

/**
 * Every call of crowd.c once, its strings all of that call. Where programs may be skipped a call can be missing, but not
 * without having been counted.
 */
function crowd(
  { crowd: status, events }: Observed,
  calls: readonly SyscallEvent[],
  release: string,
): string[] {
  if (status !== 0) return [`the program ended with status ${status}`];
  const wrong: string[] = [];
  const told = new Map<string, number>();
  for (const { syscall, args } of calls) {
    const { source, filesystemtype, data } = args;
    const name = /^\/\d+\/\d+\//.exec(String(source))?.[0];
    if (syscall !== "mount" || name === undefined) continue;
    told.set(name, (told.get(name) ?? 0) + 1);
    const isWhole = [source, filesystemtype, data].every(
      (text) => typeof text === "string" && text.startsWith(name) && /^x+$/.test(text.slice(name.length)),
    );
    if (!isWhole) wrong.push(`${name} has parts of another: ${JSON.stringify(args).slice(0, 200)}`);
  }
  for (const [name, times] of told) if (times > 1) wrong.push(`${name} was told ${times} times`);
  const missing = CROWD.processes * CROWD.calls - told.size;
  const skipped = events.some((event) => event.type === "lost" && event.reason === "recursion");
  if (missing > 0 && !(mayBeSkipped(release) && skipped)) wrong.push(`${missing} calls were not told`);
  return wrong;
}

/** A detached mount is in an anonymous namespace, which later kernels give an id as well. */
function detachedMounts(calls: readonly SyscallEvent[]): string[] {
  const made = calls.filter(({ syscall, args, outcome }) => {
    const makesNamespace = Array.isArray(args.flags) && args.flags.includes("FSMOUNT_NAMESPACE");
    return syscall === "fsmount" && !makesNamespace && outcome?.mount !== undefined;
  });
  if (made.length === 0) return ["no event of fsmount(2) has the mount"];
  return made
    .filter(({ outcome }) => outcome?.mount?.mnt_ns !== null || outcome.mount.mountpoint !== null)
    .map(({ seq, outcome }) => `${seq}: ${JSON.stringify(outcome?.mount)}`);
}

function attached(mode: Mode, { events }: Observed): string[] {
  const { attach, programs } = startOf(events) as unknown as {
    readonly attach: string;
    readonly programs: readonly { program: string; attached: boolean; detail: string }[];
  };
  const wrong = programs
    .filter((one) => !one.attached)
    .map(({ program, detail }) => `${program} is not attached: ${detail}`);
  if (attach !== mode) wrong.push(`the attach mode is ${attach}`);
  if (mode === "fentry" && !programs.some(({ program }) => program.startsWith("seccomp_"))) {
    wrong.push("no program of seccomp is listed");
  }
  const missing = PROGRAMS[mode].filter((name) => !programs.some(({ program }) => program === name));
  return [...wrong, ...missing.map((name) => `${name} is not listed`)];
}

/** The first event of the agent. Throws where it never started. */
export function startOf(events: readonly KeyholeEvent[]): AgentEvent {
  const start = events.find((event) => event.type === "agent" && event.state === "started");
  if (start?.type !== "agent") throw new Error("run never started");
  return start;
}

/**
 * NS_GET_ID came with Linux 6.18, NS_GET_MNTNS_ID for mount namespaces with 6.11. The start must say that they
 * are missing where they are.
 */
function ids(release: string, { events }: Observed, calls: readonly SyscallEvent[]): string[] {
  const all = isAtLeast(release, 6, 18);
  const mounts = isAtLeast(release, 6, 11);
  const { fallbacks } = startOf(events) as unknown as { readonly fallbacks: { name: string }[] };
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

interface ScanReport {
  readonly complete: boolean;
  readonly containers: readonly unknown[];
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
function scanOfBox({ boxScan, modes }: Results): string[] {
  const { report, wrong } = readScan(boxScan, 1);
  const found = report.findings.find(({ rule }) => rule === "proc-host-pidns-visible");
  if (found === undefined) wrong.push(`no proc-host-pidns-visible: ${JSON.stringify(report.findings)}`);
  // the last mark was made by a task of the host
  const host = `pid:[${callsOf(modes.fentry).at(-1)?.namespaces.pid?.inum}]`;
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
  if (report.containers.length !== containers)
    wrong.push(`containers: expected ${containers}, found ${JSON.stringify(report.containers)}`);
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
