/**
 * Runs the agent on other kernels: `npm run test:kernels -- --help` says how. The last line is the total.
 */
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Command, CommanderError, InvalidArgumentError } from "commander";
import { buildPrograms } from "./build.js";
import { check } from "./checks.js";
import { kernelsPage } from "./docs.js";
import { writeInitramfs } from "./initramfs.js";
import { busybox, KERNELS, type Kernel, kernelImage } from "./kernels.js";
import { boot } from "./qemu.js";
import { type KernelReport, summary, totalsOf } from "./report.js";
import { type Results, readResults } from "./results.js";

/** Linux 6.12 under emulation now and then dies before its first process. */
const BOOTS = 2;

const EXIT_USAGE = 2;

const NAMES = KERNELS.map(({ name }) => name);

const HELP = `
Examples:
  npm run test:kernels
  npm run test:kernels -- 6.1 --cached --keep /tmp/guests

Exit codes:
  0   everything passed
  1   something did not, or a kernel could not be fetched or booted
  2   the command line is wrong`;

interface Bench {
  readonly work: string;
  readonly initramfs: string;
  readonly cached: boolean;
  readonly keep: string | null;
}

function progress(text: string): void {
  process.stderr.write(`guests: ${text}\n`);
}

async function runGuest(kernel: Kernel, { work, initramfs, cached, keep }: Bench): Promise<Results> {
  progress(`${kernel.name}: looking at what Debian ${kernel.suite} has`);
  const image = kernelImage(kernel, cached);
  const archive = join(work, `${kernel.name}.tgz`);
  for (let attempt = 1; ; attempt++) {
    const start = performance.now();
    const say = (text: string): void =>
      progress(`${kernel.name}: ${text} (${Math.round((performance.now() - start) / 1000)} s)`);
    say(`booting ${image}`);
    try {
      const console = await boot({ kernel: image, initramfs, results: archive, onLine: say });
      if (keep !== null) {
        mkdirSync(keep, { recursive: true });
        copyFileSync(archive, join(keep, `${kernel.name}.tgz`));
        writeFileSync(join(keep, `${kernel.name}.console`), console);
      }
      return readResults(archive);
    } catch (error) {
      if (attempt === BOOTS) throw error;
      say(`again, because ${(error as Error).message}`);
    }
  }
}

/** Runs one guest and says what was wrong, all at once: another one may say something meanwhile. */
async function tryKernel(kernel: Kernel, bench: Bench): Promise<KernelReport> {
  try {
    const results = await runGuest(kernel, bench);
    const report = { kernel, results, checks: check(results), failure: null };
    process.stdout.write(summary(report));
    return report;
  } catch (error) {
    const failure = (error as Error).message;
    process.stdout.write(`not ok ${kernel.name}: ${failure}\n`);
    return { kernel, results: null, checks: [], failure };
  }
}

function readOptions() {
  const program = new Command("npm run test:kernels --")
    .description(
      "Fetches kernels from Debian, boots each in an emulated guest, and looks at what the built agent tells there in both attach modes.",
    )
    .argument("[kernel...]", `those to run (default: all but "next"): ${NAMES.join(", ")}`)
    .option("--all", "also the kernels that are run on demand only")
    .option("--cached", "take the kernels that were fetched before as they are")
    .option("--jobs <n>", "guests at a time", natural, 2)
    .option("--keep <folder>", "leave what each guest sent and said there")
    .option("--write-docs", "write docs/kernels.md, if everything passed")
    .exitOverride()
    .addHelpText("after", HELP);
  try {
    program.parse();
    const unknown = program.args.find((name) => !NAMES.includes(name));
    if (unknown !== undefined) program.error(`error: ${unknown} is none of ${NAMES.join(", ")}`);
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    process.exit(error.exitCode === 0 ? 0 : EXIT_USAGE);
  }
  const { all, cached, jobs, keep, writeDocs } = program.opts<{
    readonly all?: true;
    readonly cached?: true;
    readonly jobs: number;
    readonly keep?: string;
    readonly writeDocs?: true;
  }>();
  return {
    names: program.args,
    all: all === true,
    cached: cached === true,
    jobs,
    keep: keep ?? null,
    writeDocs: writeDocs === true,
  };
}

function natural(text: string): number {
  if (!/^[1-9]\d{0,2}$/.test(text)) throw new InvalidArgumentError("It must be a number from 1 to 999.");
  return Number(text);
}

if (process.arch !== "x64") {
  progress(`the guests are x86-64 and run this system's Node: it is for ${process.arch}`);
  process.exit(EXIT_USAGE);
}
const { names, all, cached, jobs, keep, writeDocs } = readOptions();
const chosen = KERNELS.filter(({ name, onDemand }) =>
  names.length === 0 ? all || onDemand !== true : names.includes(name),
);
const work = mkdtempSync(join(tmpdir(), "keyhole-guests-"));
process.once("exit", () => rmSync(work, { recursive: true, force: true }));
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));
const initramfs = join(work, "initramfs");
writeInitramfs(initramfs, { busybox: busybox(), programs: buildPrograms(work) });
const bench = { work, initramfs, cached, keep };
const waiting = [...chosen];
const reports: KernelReport[] = [];
const runNext = async (): Promise<void> => {
  for (let kernel = waiting.shift(); kernel !== undefined; kernel = waiting.shift()) {
    reports.push(await tryKernel(kernel, bench));
  }
};
await Promise.all(Array.from({ length: jobs }, runNext));
const { passed, failed } = totalsOf(reports);
if (writeDocs && failed === 0) {
  reports.sort((one, other) => KERNELS.indexOf(one.kernel) - KERNELS.indexOf(other.kernel));
  writeFileSync(fileURLToPath(new URL("../../docs/kernels.md", import.meta.url)), kernelsPage(reports));
}
process.stdout.write(`\n${passed} passed, ${failed} failed\n`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
