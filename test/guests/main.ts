/**
 * Runs the agent on other kernels: node --import tsx test/guests/main.ts [KERNEL...] [OPTION...]
 *
 * Each kernel of {@link KERNELS}, or those named, is fetched from Debian and booted in an emulated guest with
 * the built agent, which has to tell what programs do there, in both attach modes. The last line is the total.
 *
 *   --all          also the kernels that are run on demand only
 *   --cached       take the kernels that were fetched before as they are
 *   --jobs N       guests at a time; 2
 *   --keep FOLDER  leave what each guest sent and said there
 *   --write-docs   write docs/kernels.md, if everything passed
 */
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
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

if (process.arch !== "x64") {
  progress(`the guests are x86-64 and run this system's Node: it is for ${process.arch}`);
  process.exit(2);
}
const { values, positionals } = parseArgs({
  options: {
    all: { type: "boolean", default: false },
    cached: { type: "boolean", default: false },
    jobs: { type: "string", default: "2" },
    keep: { type: "string" },
    "write-docs": { type: "boolean", default: false },
  },
  allowPositionals: true,
});
const unknown = positionals.filter((name) => !KERNELS.some((kernel) => kernel.name === name));
if (unknown.length > 0) {
  progress(`no kernel ${unknown.join(", ")}; there are ${KERNELS.map(({ name }) => name).join(", ")}`);
  process.exit(2);
}
const chosen = KERNELS.filter(({ name, onDemand }) =>
  positionals.length === 0 ? values.all || onDemand !== true : positionals.includes(name),
);
const work = mkdtempSync(join(tmpdir(), "keyhole-guests-"));
process.once("exit", () => rmSync(work, { recursive: true, force: true }));
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));
const initramfs = join(work, "initramfs");
writeInitramfs(initramfs, { busybox: busybox(), programs: buildPrograms(work) });
const bench = { work, initramfs, cached: values.cached, keep: values.keep ?? null };
const waiting = [...chosen];
const reports: KernelReport[] = [];
const runNext = async (): Promise<void> => {
  for (let kernel = waiting.shift(); kernel !== undefined; kernel = waiting.shift()) {
    reports.push(await tryKernel(kernel, bench));
  }
};
await Promise.all(Array.from({ length: Math.max(1, Number(values.jobs)) }, runNext));
const { passed, failed } = totalsOf(reports);
if (values["write-docs"] && failed === 0) {
  reports.sort((one, other) => KERNELS.indexOf(one.kernel) - KERNELS.indexOf(other.kernel));
  writeFileSync(fileURLToPath(new URL("../../docs/kernels.md", import.meta.url)), kernelsPage(reports));
}
process.stdout.write(`\n${passed} passed, ${failed} failed\n`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
