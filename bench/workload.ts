import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { ours } from "./pair.js";
import { pause } from "./process.js";
import { programs } from "./programs.js";

/** setns: fails at once. uts: setns(2) that succeeds. getppid: a call that nobody traces. */
export type Call = "setns" | "uts" | "getppid";

/** What bench/programs/caller.c did and measured. */
export interface Calls {
  readonly pid: number;
  /** Calls made, and so to be reported. */
  readonly made: number;
  /** Nanoseconds of a call: CPU time of the caller, and time that passed. */
  readonly cpu: number;
  readonly wall: number;
  /** Calls a second. */
  readonly rate: number;
}

interface CallOptions {
  /** Calls a second; absent or 0: as fast as it can. */
  readonly rate?: number;
  /** A command to run it under. */
  readonly under?: readonly string[];
  /** Makes them from a pid namespace of its own, which is all that a container needs. */
  readonly container?: boolean;
}

/** Makes `count` calls. */
export async function call(
  what: Call,
  count: number,
  { rate = 0, under = [], container = false }: CallOptions = {},
): Promise<Calls> {
  const wrapper = container ? ["unshare", "--pid", "--fork", "--kill-child"] : under;
  const [program, ...args] = [...wrapper, programs().caller, what, String(count), String(rate)];
  const child = ours(spawn(program!, args, { stdio: ["ignore", "pipe", "inherit"] }));
  let text = "";
  child.stdout.setEncoding("latin1").on("data", (data: string) => {
    text += data;
  });
  const closed = once(child, "close");
  const pid = container ? await childOf(child.pid!) : child.pid!;
  const [status] = await closed;
  const [made = 0, cpu = 0, wall = 0] = text.trim().split(" ").map(Number);
  if (status !== 0 || made < count)
    throw new Error(`${program} made ${made} of ${count} calls, status ${status}`);
  return { pid, made, cpu: cpu / made, wall: wall / made, rate: (made * 1e9) / wall };
}

/** Waits for the first child of a process that is to have one. */
async function childOf(pid: number): Promise<number> {
  for (;;) {
    const [child = ""] = readFileSync(`/proc/${pid}/task/${pid}/children`, "latin1").split(" ", 1);
    if (child !== "") return Number(child);
    await pause(1);
  }
}

/** Makes calls until `end`; `rate` a second, 0 for as fast as it can. */
export function callForever(what: Call, rate: number): { readonly end: () => Promise<void> } {
  const child = ours(spawn(programs().caller, [what, "0", String(rate)], { stdio: "ignore" }));
  return {
    end: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exited = once(child, "exit");
      child.kill("SIGTERM");
      await exited;
    },
  };
}
