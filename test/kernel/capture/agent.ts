import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { KeyholeEvent, SyscallEvent } from "../../../src/event.js";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));

/** Milliseconds after which something that never came is given up; nothing is measured with it. */
const PATIENCE = 90_000;

/** A running agent and everything it has written. */
export class Agent {
  readonly events: KeyholeEvent[] = [];
  stderr = "";
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;
  #ended = false;
  readonly #waiting = new Set<() => void>();

  /**
   * Starts `keyhole run --output json --listen off` with `options`, and waits until it says `started`. `main` is
   * the program, the built one unless it is said otherwise.
   */
  static async start(options: readonly string[] = [], main = join(ROOT, "dist/keyhole.js")): Promise<Agent> {
    const agent = new Agent(main, options);
    await agent.until("the agent's start", () =>
      agent.events.some((event) => event.type === "agent" && event.state === "started"),
    );
    return agent;
  }

  private constructor(main: string, options: readonly string[]) {
    const args = [main, "run", "--output", "json", "--listen", "off", ...options];
    this.#child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
    this.#exited = once(this.#child, "close").finally(() => {
      this.#ended = true;
      this.#wake();
    });
    this.#child.stderr!.setEncoding("utf8").on("data", (text: string) => {
      this.stderr += text;
    });
    let rest = "";
    // not by node:readline, for which U+2028 in the name of some process of this machine ends a line as well
    this.#child.stdout!.setEncoding("utf8").on("data", (text: string) => {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      for (const line of lines) this.events.push(JSON.parse(line) as KeyholeEvent);
      this.#wake();
    });
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** The system calls of threads for which `of` holds, in the order in which they were published. */
  syscalls(of: (event: SyscallEvent) => boolean): SyscallEvent[] {
    return this.events.filter((event) => event.type === "syscall").filter(of);
  }

  /** Waits until `condition` holds; it is looked at again after each line. Throws when it no longer can. */
  async until(what: string, condition: () => boolean): Promise<void> {
    const deadline = AbortSignal.timeout(PATIENCE);
    while (!condition()) {
      if (this.#ended) throw new Error(`the agent ended before ${what}: ${this.stderr}`);
      if (deadline.aborted) throw new Error(`no sign of ${what} after ${PATIENCE / 1000} s: ${this.stderr}`);
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          this.#waiting.delete(wake);
          deadline.removeEventListener("abort", wake);
          resolve();
        };
        this.#waiting.add(wake);
        deadline.addEventListener("abort", wake);
      });
    }
  }

  /** Sends `signal` and waits for the end. Returns the exit status, null when a signal ended it. */
  async stop(signal: NodeJS.Signals = "SIGINT"): Promise<number | null> {
    this.#child.kill(signal);
    await this.#exited;
    return this.#child.exitCode;
  }

  #wake(): void {
    for (const wake of [...this.#waiting]) wake();
  }
}
