import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { closeSync, constants, openSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { programs } from "./programs.js";

export interface Pair {
  readonly writer: ChildProcess;
  readonly reader: ChildProcess & { readonly stdout: Readable };
  /** The end of what the writer said on stderr. */
  readonly words: () => string;
  /** When the writer was started, in milliseconds of `performance.now()`. */
  readonly began: number;
}

/** Characters that are kept of what a tracer says: some complain and work all the same. */
const WORDS = 2_000;

let fifos = 0;
const running = new Set<ChildProcess>();
// nothing stays behind when a benchmark fails in the middle
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/** Remembers a process until it has ended, so that it ends with this one. */
export function ours<T extends ChildProcess>(child: T): T {
  running.add(child);
  child.once("exit", () => running.delete(child));
  return child;
}

/**
 * `writer | reader`, through a pipe as a shell makes it: what Node calls a pipe between processes is a socket. The output
 * of the reader can be read here.
 */
export function pipe(writer: readonly string[], reader: readonly string[]): Pair {
  const fifo = join(programs().folder, `fifo-${fifos++}`);
  execFileSync("mkfifo", [fifo]);
  // with both ends open here neither of the two waits for the other
  const both = openSync(fifo, constants.O_RDWR);
  const [read, write] = [openSync(fifo, constants.O_RDONLY), openSync(fifo, constants.O_WRONLY)];
  closeSync(both);
  rmSync(fifo);
  const right = spawn(reader[0]!, reader.slice(1), { stdio: [read, "pipe", "inherit"] });
  const began = performance.now();
  const left = spawn(writer[0]!, writer.slice(1), { stdio: ["ignore", write, "pipe"] });
  let words = "";
  left.stderr!.setEncoding("utf8").on("data", (text: string) => {
    words = (words + text).slice(-WORDS);
  });
  closeSync(read);
  closeSync(write);
  return { writer: ours(left), reader: ours(right) as Pair["reader"], words: () => words.trim(), began };
}
