import { startOf } from "./checks.js";
import { countPassed, type KernelReport } from "./report.js";
import { MODES, type Mode, type Results } from "./results.js";

interface Start {
  readonly object: string;
  readonly lacks: readonly string[];
  readonly fallbacks: readonly {
    readonly name: string;
    readonly fallback: string;
    readonly lacks: string | null;
  }[];
}

const INTRODUCTION = `# Kernels

Keyhole runs on Linux 5.8 and newer. \`npm run test:kernels\` boots kernels of Debian in emulated guests, runs the agent there
in both attach modes, has programs do several hundred calls, and compares every event with what the programs say they
did, and the two modes with each other. This page is written by \`npm run test:kernels -- --write-docs\`.

What attach mode is used where, and why, is said by \`keyhole doctor\` and by the first event of \`keyhole run\`.
`;

/** docs/kernels.md: what was checked on which kernel, what each lacks, and what is used in its place. */
export function kernelsPage(reports: readonly KernelReport[]): string {
  const rows = reports.flatMap((report) => MODES.map((mode) => row(report, mode)));
  const sections = reports.map(({ kernel, results }) => section(`${kernel.name}`, results!));
  return [
    INTRODUCTION,
    "## What was checked",
    "",
    "| Kernel | Debian | Version | Attach mode | Programs | Checks passed |",
    "|---|---|---|---|---|---|",
    ...rows,
    "",
    "Checks that have no mode (`doctor`, `scan`, `tree`, `procfs`, `pid`, mount tables) are not in these numbers.",
    "",
    "## What each lacks",
    "",
    ...sections,
  ].join("\n");
}

function row({ kernel, results, checks }: KernelReport, mode: Mode): string {
  const passed = countPassed(checks.filter((one) => one.mode === mode));
  const { object } = startFacts(results!, mode);
  return `| ${kernel.name} | ${kernel.suite} | ${results!.release} | \`${mode}\` | \`${object}.bpf.o\` | ${passed} |`;
}

function section(name: string, results: Results): string {
  const { fallbacks } = startFacts(results, "fentry");
  const lines = [`### ${name}: Linux ${results.release}`, ""];
  for (const mode of MODES) {
    const { lacks } = startFacts(results, mode);
    lines.push(
      `Attach mode \`${mode}\` does not tell${lacks.length === 0 ? " less than is documented." : ":"}`,
      "",
    );
    lines.push(...lacks.map((lack) => `* ${lack}`), ...(lacks.length === 0 ? [] : [""]));
  }
  if (fallbacks.length === 0) lines.push("No interface of the kernel is missing.", "");
  else {
    lines.push("| Missing | In its place | Lost |", "|---|---|---|");
    for (const one of fallbacks) lines.push(`| ${one.name} | ${one.fallback} | ${one.lacks ?? "nothing"} |`);
    lines.push("");
  }
  return lines.join("\n");
}

function startFacts(results: Results, mode: Mode): Start {
  return startOf(results.modes[mode].events) as unknown as Start;
}
