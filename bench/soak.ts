import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import type { Report } from "./report.js";
import { BPFTRACE, bpftraceVersion, buildFlood, end, KEYHOLE, residentMiB, start } from "./tools.js";

const FIRST = 100_000;
const MORE = 1_000_000;
/** Calls a second. */
const RATE = 20_000;

/** Resident memory after 100,000 events with every stage on, and how it grows over the next million. */
export async function soak(): Promise<Report> {
  const version = bpftraceVersion();
  const flood = buildFlood();
  const keyhole = await run(KEYHOLE, '"syscall":"setns"', "SIGTERM", flood);
  const reference = version === null ? null : await run(BPFTRACE, " setns ", "SIGINT", flood);
  const row = (what: string, unit: string, get: (result: Result) => number, budget: number | null) => ({
    what,
    unit,
    keyhole: [get(keyhole)],
    reference: reference === null ? null : [get(reference)],
    budget,
  });
  return {
    benchmark: "soak",
    reference: version ?? "nothing: bpftrace is not installed",
    rows: [
      row("resident before the first event", "MiB", (result) => result.before, null),
      row(`resident after ${FIRST} events`, "MiB", (result) => result.after, 100),
      row(`growth over the next ${MORE}`, "MiB", (result) => result.later - result.after, null),
      row("events missing on stdout", "events", (result) => result.missing, 0),
    ],
  };
}

interface Result {
  readonly before: number;
  readonly after: number;
  readonly later: number;
  readonly missing: number;
}

async function run(
  command: readonly string[],
  sign: string,
  signal: NodeJS.Signals,
  flood: string,
): Promise<Result> {
  const tracer = start(command);
  const lines = countLines(tracer, sign);
  // until it is attached, calls are not seen
  while (lines() === 0) {
    execFileSync(flood, ["1"]);
    await pause(50);
  }
  await pause(1000);
  const seen = lines();
  const before = residentMiB(tracer.pid!);
  const after = await load(tracer, flood, FIRST, lines);
  const later = await load(tracer, flood, MORE, lines);
  const missing = FIRST + MORE - (lines() - seen);
  await end(tracer, signal);
  return { before, after, later, missing };
}

/** Makes `count` calls and waits until no more lines come; returns the resident memory then. */
async function load(
  tracer: ChildProcess,
  flood: string,
  count: number,
  lines: () => number,
): Promise<number> {
  process.stderr.write(`bench: ${count} calls at ${RATE} a second\n`);
  const calls = spawn(flood, [String(count), String(RATE)], { stdio: "ignore" });
  await new Promise((resolve) => calls.once("exit", resolve));
  for (let before = -1; before !== lines(); ) {
    before = lines();
    await pause(500);
  }
  return residentMiB(tracer.pid!);
}

/** How many lines with `sign` in them were read so far. */
function countLines(tracer: ChildProcess, sign: string): () => number {
  const wanted = Buffer.from(sign);
  let count = 0;
  let rest = Buffer.alloc(0);
  tracer.stdout!.on("data", (data: Buffer) => {
    const text = rest.length === 0 ? data : Buffer.concat([rest, data]);
    for (let at = text.indexOf(wanted); at >= 0; at = text.indexOf(wanted, at + wanted.length)) count++;
    // the sign may be split between two reads
    rest = Buffer.from(text.subarray(Math.max(0, text.length - wanted.length + 1)));
  });
  return () => count;
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
