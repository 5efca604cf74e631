import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hasExecuted, parseThread, type StraceCall } from "./parse.js";
import { CALLS } from "./shapes.js";
import { straceCommand } from "./strace-install.js";

/** What strace saw of a command and all that it started. */
export interface Recording {
  /** Every thread, also those that made none of the calls, by its id in the initial pid namespace. */
  readonly threads: ReadonlySet<number>;
  /** By thread, and of one thread in the order in which they ended. */
  readonly calls: readonly StraceCall[];
  /** Whether the command could be executed at all. */
  readonly started: boolean;
  /** The command's exit status, null where a signal ended it. */
  readonly status: number | null;
  /** What was written, where it was asked for; strace's own complaints are in `stderr` too. */
  readonly stdout: string;
  readonly stderr: string;
}

export interface RecordingOptions {
  /** `collect` gives the output in the result, `inherit` lets it go where this process's goes. */
  readonly output: "collect" | "inherit";
  /** Milliseconds after which the command is ended; the promise rejects then. */
  readonly patience: number;
}

/** As `strace -e trace=` takes them; `?` because an architecture may lack one. */
const TRACED = [...CALLS.map((name) => `?${name}`), "execve"].join(",");

/** As long as the longest path of the kernel. */
const STRING_LIMIT = "4096";

/** strace names a file by the thread's id in its own pid namespace, which is the initial one. */
const PREFIX = "thread";

const OPTIONS = [
  // a file for each thread, whoever started it; an id that comes around again continues its file
  ...["-ff", "-A"],
  // the command ends with strace
  "--kill-on-exit",
  // of calls: numbers, where from, whole strings, whole structures
  ...["--quiet=attach,exit,personality", "-n", "-i", "-xx", "-s", STRING_LIMIT, "-e", "abbrev=execve"],
  ...["-e", "signal=SIGSYS", "-e", `trace=${TRACED}`],
];

/**
 * Runs `command` below strace to the end of the last process it started.
 * Throws where strace itself cannot be run, or the time is up.
 */
export async function record(command: readonly string[], options: RecordingOptions): Promise<Recording> {
  const folder = mkdtempSync(join(tmpdir(), "keyhole-oracle-"));
  try {
    const [program = "", ...words] = straceCommand();
    const args = [...words, ...OPTIONS, "-o", join(folder, PREFIX), "--", ...command];
    const stdio = options.output === "collect" ? "pipe" : "inherit";
    const child = spawn(program, args, {
      stdio: [options.output === "collect" ? "ignore" : "inherit", stdio, stdio],
    });
    const [stdout, stderr] = [collect(child.stdout), collect(child.stderr)];
    const status = await ended(child, command, options.patience);
    return { ...readFolder(folder), status, stdout: stdout(), stderr: stderr() };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function collect(stream: ChildProcess["stdout"]): () => string {
  let text = "";
  stream?.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
  });
  return () => text;
}

/** Waits for the end of strace, which is that of the last process it follows. Returns its status: the command's. */
async function ended(
  child: ChildProcess,
  command: readonly string[],
  patience: number,
): Promise<number | null> {
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    child.kill("SIGKILL");
  }, patience);
  try {
    const [status] = (await once(child, "close")) as [number | null];
    if (late) throw new Error(`${command.join(" ")} had not ended after ${patience / 1000} s`);
    return status;
  } finally {
    clearTimeout(timer);
  }
}

function readFolder(folder: string): Pick<Recording, "threads" | "calls" | "started"> {
  const threads = new Set<number>();
  const calls: StraceCall[] = [];
  let started = false;
  for (const name of readdirSync(folder)) {
    const tid = Number(name.slice(PREFIX.length + 1));
    threads.add(tid);
    const text = readFileSync(join(folder, name), "utf8");
    started ||= hasExecuted(text);
    calls.push(...parseThread(tid, text));
  }
  return { threads, calls, started };
}
