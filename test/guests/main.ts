/**
 * Runs the agent on other kernels: node --import tsx test/guests/main.ts [KERNEL...] [--cached] [--keep FOLDER]
 *
 * Each kernel of {@link KERNELS}, or those named, is fetched from Debian and booted in an emulated guest with
 * the built agent, which has to tell what a program does there. --cached takes the kernels that were fetched
 * before as they are. --keep leaves what each guest sent and said in FOLDER. The last line is the total.
 */
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { buildPrograms } from "./build.js";
import { type Check, check, objectUsed } from "./checks.js";
import { writeInitramfs } from "./initramfs.js";
import { busybox, KERNELS, type Kernel, kernelImage } from "./kernels.js";
import { boot } from "./qemu.js";
import { MODES, type Mode, type Results, readResults } from "./results.js";

/** Linux 6.12 under emulation now and then dies before its first process. */
const BOOTS = 2;

interface Totals {
  passed: number;
  failed: number;
}

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
  const archive = join(work, "results.tgz");
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

/** Runs one guest and says what was wrong. */
async function tryKernel(kernel: Kernel, bench: Bench, totals: Totals): Promise<void> {
  let results: Results;
  try {
    results = await runGuest(kernel, bench);
  } catch (error) {
    totals.failed++;
    process.stdout.write(`not ok ${kernel.name}: ${(error as Error).message}\n`);
    return;
  }
  const checks = check(results);
  for (const mode of MODES) {
    say(kernel, mode, `Linux ${results.release}, ${objectOf(results, mode)}`, checks, totals);
  }
  say(kernel, null, `Linux ${results.release}, scan, tree and doctor`, checks, totals);
}

function objectOf(results: Results, mode: Mode): string {
  try {
    return `${objectUsed(results.modes[mode])}.bpf.o`;
  } catch (error) {
    return (error as Error).message;
  }
}

/** Says how many of the checks of a mode hold, and what is wrong with the others. */
function say(kernel: Kernel, mode: Mode | null, what: string, all: readonly Check[], totals: Totals): void {
  const checks = all.filter((one) => one.mode === mode);
  const failed = checks.filter(({ wrong }) => wrong.length > 0);
  totals.passed += checks.length - failed.length;
  totals.failed += failed.length;
  const verdict = failed.length === 0 ? "ok" : "not ok";
  const counts = `${checks.length - failed.length} passed, ${failed.length} failed`;
  process.stdout.write(`${verdict} ${[kernel.name, mode].filter(Boolean).join(" ")}: ${what}, ${counts}\n`);
  for (const { name, wrong } of failed) {
    process.stdout.write(`  not ok ${name}\n`);
    for (const line of wrong) process.stdout.write(`    ${line.trimEnd().replaceAll("\n", "\n    ")}\n`);
  }
}

if (process.arch !== "x64") {
  progress(`the guests are x86-64 and run this system's Node: it is for ${process.arch}`);
  process.exit(2);
}
const { values, positionals } = parseArgs({
  options: { cached: { type: "boolean", default: false }, keep: { type: "string" } },
  allowPositionals: true,
});
const unknown = positionals.filter((name) => !KERNELS.some((kernel) => kernel.name === name));
if (unknown.length > 0) {
  progress(`no kernel ${unknown.join(", ")}; there are ${KERNELS.map(({ name }) => name).join(", ")}`);
  process.exit(2);
}
const chosen = KERNELS.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
const totals: Totals = { passed: 0, failed: 0 };
const work = mkdtempSync(join(tmpdir(), "keyhole-guests-"));
process.once("exit", () => rmSync(work, { recursive: true, force: true }));
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));
const initramfs = join(work, "initramfs");
writeInitramfs(initramfs, { busybox: busybox(), programs: buildPrograms(work) });
const bench = { work, initramfs, cached: values.cached, keep: values.keep ?? null };
for (const kernel of chosen) await tryKernel(kernel, bench, totals);
process.stdout.write(`\n${totals.passed} passed, ${totals.failed} failed\n`);
process.exitCode = totals.failed === 0 && totals.passed > 0 ? 0 : 1;
