import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** The agent as `npm start` runs it. */
export const KEYHOLE: readonly string[] = [
  process.execPath,
  "--max-semi-space-size=2",
  join(ROOT, "dist/main.js"),
  ...["run", "--output", "json", "--listen", "127.0.0.1:0", "--log-level", "error"],
];

/** test/programs/flood.c, compiled; removed when the process ends. */
export function buildFlood(): string {
  const folder = mkdtempSync(join(tmpdir(), "keyhole-bench-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  const program = join(folder, "flood");
  execFileSync("gcc", ["-O2", "-o", program, join(ROOT, "test/programs/flood.c")]);
  return program;
}

/** bench/floor.ts as JavaScript beside it, so that no compiler is part of what is measured. Removed at the end. */
export function compileFloor(): readonly string[] {
  const program = join(ROOT, "bench/floor.js");
  execFileSync(join(ROOT, "node_modules/.bin/tsc"), [
    ...["--outDir", join(ROOT, "bench"), "--module", "nodenext", "--target", "es2022", "--types", "node"],
    ...["--skipLibCheck", "--ignoreConfig", join(ROOT, "bench/floor.ts")],
  ]);
  process.on("exit", () => rmSync(program, { force: true }));
  return [process.execPath, "--max-semi-space-size=2", program];
}

/** The version of bpftrace, null where it is not installed. */
export function bpftraceVersion(): string | null {
  try {
    return execFileSync("bpftrace", ["--version"], { encoding: "utf8" }).trim();
  } catch {
    return null;
  }
}

const SCRIPT = 'tracepoint:syscalls:sys_exit_setns { printf("%d %s setns %d\\n", pid, comm, args->ret); }';

/** A bpftrace program that prints a short line for each setns(2); it needs a tracefs, Keyhole does not. */
export const BPFTRACE: readonly string[] = [
  ...["unshare", "--mount", "sh", "-c"],
  'mountpoint -q /sys/kernel/tracing || mount -t tracefs none /sys/kernel/tracing; exec bpftrace -e "$1"',
  ...["sh", SCRIPT],
];

/** Starts a tracer with its stdout piped here. */
export function start(command: readonly string[]): ChildProcess {
  return spawn(command[0]!, command.slice(1), { stdio: ["ignore", "pipe", "inherit"] });
}

/** Ends a process with `signal`; returns how long that took, in milliseconds. */
export async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<number> {
  const began = performance.now();
  const exited = once(child, "exit");
  child.kill(signal);
  await exited;
  return performance.now() - began;
}

/** Resident memory of a process in MiB. */
export function residentMiB(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)![1]) / 1024;
}
