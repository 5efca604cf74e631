import { type Check, objectUsed } from "./checks.js";
import type { Kernel } from "./kernels.js";
import { MODES, type Mode, type Results } from "./results.js";

/** What came of one kernel. */
export interface KernelReport {
  readonly kernel: Kernel;
  /** Null where it could not be run, for `failure`. */
  readonly results: Results | null;
  readonly checks: readonly Check[];
  readonly failure: string | null;
}

/** How many of `checks` hold. */
export function countPassed(checks: readonly Check[]): number {
  return checks.filter(({ wrong }) => wrong.length === 0).length;
}

/** Of all checks; a kernel that could not be run counts as one that failed. */
export function totalsOf(reports: readonly KernelReport[]): { passed: number; failed: number } {
  let [passed, failed] = [0, 0];
  for (const { checks, failure } of reports) {
    passed += countPassed(checks);
    failed += failure === null ? checks.length - countPassed(checks) : 1;
  }
  return { passed, failed };
}

/** A line for each attach mode, and below it what is wrong. */
export function summary({ kernel, results, checks }: KernelReport): string {
  if (results === null) return "";
  const modes = MODES.map((mode) =>
    section(`${kernel.name} ${mode}: Linux ${results.release}, ${describeMode(results, mode)}`, checks, mode),
  );
  return [...modes, section(`${kernel.name}: commands and inventory`, checks, null)].join("");
}

function section(title: string, all: readonly Check[], mode: Mode | null): string {
  const checks = all.filter((one) => one.mode === mode);
  const failed = checks.filter(({ wrong }) => wrong.length > 0);
  let text = `${failed.length === 0 ? "ok" : "not ok"} ${title}, ${countPassed(checks)} passed, ${failed.length} failed\n`;
  for (const { name, wrong } of failed) {
    text += `  not ok ${name}\n`;
    for (const line of wrong) text += `    ${line.trimEnd().replaceAll("\n", "\n    ")}\n`;
  }
  return text;
}

/** The object that was loaded, and how often the kernel passed its programs by. */
function describeMode(results: Results, mode: Mode): string {
  const { events } = results.modes[mode];
  const last = events.findLast((event) => event.type === "lost" && event.reason === "recursion");
  const skipped = Object.entries((last?.type === "lost" && last.programs) || {});
  const programs = skipped.map(([program, times]) => `, ${program} skipped ${times} times`).join("");
  try {
    return `${objectUsed(results.modes[mode])}.bpf.o${programs}`;
  } catch (error) {
    return (error as Error).message;
  }
}
