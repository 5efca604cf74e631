/**
 * Measures against the budgets, beside references in the same run; docs/performance.md says what. Nothing here fails
 * because of a time: the exit status is 0 unless a benchmark could not run.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { Command, CommanderError } from "commander";
import { churn } from "./churn.js";
import { event } from "./event.js";
import { idle } from "./idle.js";
import { inventory } from "./inventory.js";
import { latency } from "./latency.js";
import { loss } from "./loss.js";
import { type Machine, machine } from "./machine.js";
import { memory } from "./memory.js";
import { mountTables } from "./mount-tables.js";
import { opens } from "./open.js";
import { getppid, setns } from "./overhead.js";
import type { Plan } from "./plan.js";
import { formatProfile, profileFolder } from "./profile.js";
import { formatBudgets, formatReport, type Report, verdict } from "./report.js";
import { rules } from "./rules.js";
import { startup } from "./startup.js";
import { median } from "./statistics.js";
import { stop } from "./stop.js";
import { wakeups } from "./wakeups.js";

const BENCHMARKS: Readonly<Record<string, (plan: Plan) => Promise<Report>>> = {
  setns,
  getppid,
  open: opens,
  event,
  loss,
  latency,
  wakeups,
  startup,
  stop,
  memory,
  idle,
  inventory,
  churn,
  "mount-tables": mountTables,
  rules,
};

/** Has Node.js parse a file of certificates at its start, which can take longer than all else it does there. */
delete process.env.NODE_EXTRA_CA_CERTS;

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;

const HELP = `
Examples:
  npm run bench -- --quick
  npm run bench -- setns event --json out.json
  npm run bench -- --profile event

Exit codes:
  0   done, whatever the numbers are
  1   a benchmark could not run
  2   the command line is wrong`;

interface Options {
  readonly names: readonly string[];
  readonly quick: boolean;
  readonly json: string | null;
  readonly profile: string | null;
  readonly keep: string | null;
}

function readOptions(): Options {
  const all = Object.keys(BENCHMARKS);
  const program = new Command("npm run bench --")
    .description("Measures what Keyhole costs and how quick it is, beside other tracers of the same calls.")
    .argument("[name...]", `those to run (default: all): ${all.join(", ")}`)
    .option("--quick", "fewer rounds and calls")
    .option("--json <file>", "write every value of every round there")
    .option("--profile <name>", "run this one with a profiler in the agent, and print where its time went")
    .option("--keep <folder>", "with --profile: where to leave the .cpuprofile files")
    .exitOverride()
    .addHelpText("after", HELP)
    .parse();
  const { quick, json, profile, keep } = program.opts<{
    readonly quick?: true;
    readonly json?: string;
    readonly profile?: string;
    readonly keep?: string;
  }>();
  const wanted = profile === undefined ? program.args : [profile];
  const unknown = wanted.find((name) => !all.includes(name));
  if (unknown !== undefined) program.error(`error: ${unknown} is none of ${all.join(", ")}`);
  return {
    names: wanted.length > 0 ? wanted : all,
    quick: quick === true,
    json: json ?? null,
    profile: profile ?? null,
    keep: keep ?? null,
  };
}

async function main({ names, quick, json, profile, keep }: Options): Promise<void> {
  if (process.getuid?.() !== 0) throw new Error("the benchmarks attach BPF programs: run them as root");
  const here = machine();
  tell(`${here.kernel} ${here.arch}, ${here.cpus} CPUs, node ${here.node}, load ${here.load.toFixed(2)}`);
  if (here.tracers.length > 0)
    tell(`untraced calls are traced here already, by ${here.tracers.join(", ")}: ratios come out too low`);
  const folder = profile === null ? null : keep === null ? profileFolder() : resolve(keep);
  if (folder !== null) mkdirSync(folder, { recursive: true });
  const plan: Plan = { quick, profile: folder };
  const reports: Report[] = [];
  const failures: { name: string; reason: string }[] = [];
  for (const name of names) {
    const began = performance.now();
    tell(`${name} ...`);
    try {
      const report = await BENCHMARKS[name]!(plan);
      reports.push(report);
      // the profiler takes a third of the CPU that would be shown
      if (folder === null) process.stdout.write(formatReport(report));
      tell(`${name}: done in ${((performance.now() - began) / 1000).toFixed(0)} s`);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      failures.push({ name, reason });
      tell(`${name}: could not run: ${reason}`);
    }
  }
  if (folder !== null && failures.length === 0) process.stdout.write(formatProfile(folder));
  else process.stdout.write(formatBudgets(reports));
  if (json !== null)
    writeFileSync(json, `${JSON.stringify(asJson(here, quick, reports, failures), null, 2)}\n`);
  process.exitCode = failures.length === 0 ? 0 : EXIT_FAILED;
}

function asJson(
  here: Machine,
  quick: boolean,
  reports: readonly Report[],
  failures: readonly { readonly name: string; readonly reason: string }[],
): unknown {
  return {
    time: new Date().toISOString(),
    machine: here,
    quick,
    failures,
    reports: reports.map(({ quantities, ...report }) => ({
      ...report,
      quantities: quantities.map((quantity) => ({
        ...quantity,
        verdict: verdict(quantity),
        series: quantity.series.map((series) => ({
          ...series,
          median: series.values.length === 0 ? null : median(series.values),
        })),
      })),
    })),
  };
}

function tell(text: string): void {
  process.stderr.write(`bench: ${text}\n`);
}

// what was started ends with this process, whose exit event a signal alone would not bring about
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(EXIT_FAILED));
try {
  await main(readOptions());
} catch (error) {
  if (error instanceof CommanderError) process.exit(error.exitCode === 0 ? 0 : EXIT_USAGE);
  tell(error instanceof Error ? error.message : String(error));
  process.exit(EXIT_USAGE);
}
