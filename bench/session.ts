import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { pipe } from "./pair.js";
import { pause, usage } from "./process.js";
import { endProfile, startProfile } from "./profile.js";
import { programs } from "./programs.js";
import type { Tracer } from "./tracers.js";
import { callForever } from "./workload.js";

/** How long a tracer may take to report its first call, in milliseconds. */
const START_MS = 30_000;
/** … and to end. */
const END_MS = 15_000;
/** Keyhole's reason for forks, execs and exits that it lost: docs/events.md. */
const LOST_TASKS = "ring-full-tasks";
/** What a tracer does at first, as looking at what runs already, is over after this long, in milliseconds. */
const SETTLE_MS = 500;
/** Nothing more is to be expected after this long without news, in milliseconds: longer than a summary may take. */
const QUIET_MS = 2_500;
/** A tracer that prints nothing has done its work when it uses less CPU than this, in nanoseconds, in so many milliseconds. */
const IDLE_NS = 2_000_000;
const IDLE_MS = 250;
/** On a busy node it never is idle: after so many looks it has to have done what it was given. */
const IDLE_LOOKS = 12;

/** What a tracer reported of one process: calls, and the lines that it took. */
export interface Reported {
  readonly calls: number;
  readonly lines: number;
}

/** A tracer that runs, and the reader of its stdout: a pipe, as `keyhole run | consumer` has one. */
export class Session {
  readonly tracer: Tracer;
  readonly #child: ChildProcess;
  readonly #reported = new Map<number, Reported>();
  readonly #lost = new Map<string, number>();
  readonly #words: () => string;
  readonly #began: number;
  #firstEvent: number | null = null;
  #news = performance.now();
  #exited: string | null = null;

  private constructor(tracer: Tracer) {
    this.tracer = tracer;
    const { writer, reader, words, began } = pipe(tracer.command, [programs().tally]);
    this.#began = began;
    createInterface({ input: reader.stdout }).on("line", (line) => this.#take(line));
    this.#child = writer;
    this.#words = words;
    this.#child.once("exit", (code, signal) => {
      this.#exited = signal ?? `status ${code}`;
    });
    this.#child.once("error", (error) => {
      this.#exited = error.message;
    });
  }

  /** Starts `tracer` and waits until it is attached. Throws when it ends before, or takes too long. */
  static async start(tracer: Tracer): Promise<Session> {
    const session = new Session(tracer);
    try {
      await session.#untilReady();
      if (tracer.profile !== undefined) await startProfile(session.pid);
    } catch (error) {
      session.#child.kill("SIGKILL");
      throw error;
    }
    return session;
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** From its start to the first call that it reported, in milliseconds; NaN where it reports none. */
  get firstEvent(): number {
    return this.#firstEvent ?? Number.NaN;
  }

  /** What it reported of the process `pid`. */
  reported(pid: number): Reported {
    return this.#reported.get(pid) ?? { calls: 0, lines: 0 };
  }

  /** How many calls it said that it lost; what it lost of the life of processes it counts apart. */
  lostCalls(): number {
    return [...this.#lost].reduce((sum, [reason, count]) => sum + (reason === LOST_TASKS ? 0 : count), 0);
  }

  /** Waits until the tracer has told all calls of a workload, or nothing more comes. */
  async settled({ pid, made }: { readonly pid: number; readonly made: number }): Promise<void> {
    if (this.tracer.ready !== "event") return this.#untilIdle();
    const before = performance.now();
    while (this.reported(pid).calls < made) {
      if (this.#exited !== null) throw this.#ended();
      if (performance.now() - Math.max(before, this.#news) > QUIET_MS) return;
      await pause(20);
    }
  }

  /** Ends the tracer; returns how long that took, in milliseconds. Throws when it has ended by itself. */
  async end(): Promise<number> {
    if (this.#exited !== null) throw this.#ended();
    if (this.tracer.profile !== undefined) await endProfile(this.pid, this.tracer.profile);
    const began = performance.now();
    const exited = once(this.#child, "exit");
    this.#child.kill(this.tracer.signal);
    // bpftrace does not always hear a signal while it starts
    const patience = setTimeout(() => this.#child.kill("SIGKILL"), END_MS);
    await exited;
    clearTimeout(patience);
    return performance.now() - began;
  }

  async #untilReady(): Promise<void> {
    const { ready } = this.tracer;
    // one call a millisecond, so that what is waited for is the tracer
    const ticks = ready === "event" ? callForever("setns", 1000) : null;
    try {
      const isReady = async () =>
        typeof ready === "object" ? answers(ready.url) : this.#firstEvent !== null;
      while (!(await isReady())) {
        if (this.#exited !== null) throw this.#ended();
        if (performance.now() - this.#began > START_MS)
          throw new Error(
            `${this.tracer.name} reported nothing within ${START_MS / 1000} s\n${this.#words()}`.trim(),
          );
        await pause(5);
      }
    } finally {
      await ticks?.end();
    }
    await pause(SETTLE_MS);
  }

  async #untilIdle(): Promise<void> {
    let before = usage(this.pid).cpu;
    for (let look = 0; look < IDLE_LOOKS; look++) {
      await pause(IDLE_MS);
      const { cpu } = usage(this.pid);
      if (cpu - before < IDLE_NS) return;
      before = cpu;
    }
  }

  #take(line: string): void {
    const [kind, key, count, lines] = line.split(" ");
    this.#news = performance.now();
    if (kind === "event") {
      this.#firstEvent ??= this.#news - this.#began;
      this.#reported.set(Number(key), { calls: Number(count), lines: Number(lines) });
    } else if (kind === "ready") {
      this.#firstEvent ??= this.#news - this.#began;
    } else {
      this.#lost.set(key!, Number(count));
    }
  }

  #ended(): Error {
    return new Error(`${this.tracer.name} ended by itself: ${this.#exited}\n${this.#words()}`.trim());
  }
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url)).ok;
  } catch {
    return false;
  }
}
