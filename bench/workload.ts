import { spawn } from "node:child_process";
import { once } from "node:events";
import { ours } from "./pair.js";
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

/** Makes `count` calls, `rate` a second; as fast as it can where no rate is given. `under` is a command to run it under. */
export async function call(
  what: Call,
  count: number,
  { rate = 0, under = [] }: { readonly rate?: number; readonly under?: readonly string[] } = {},
): Promise<Calls> {
  const [program, ...args] = [...under, programs().caller, what, String(count), String(rate)];
  const child = ours(spawn(program!, args, { stdio: ["ignore", "pipe", "inherit"] }));
  let text = "";
  child.stdout.setEncoding("latin1").on("data", (data: string) => {
    text += data;
  });
  const [status] = await once(child, "close");
  const [made = 0, cpu = 0, wall = 0] = text.trim().split(" ").map(Number);
  if (status !== 0 || made < count)
    throw new Error(`${program} made ${made} of ${count} calls, status ${status}`);
  return { pid: child.pid!, made, cpu: cpu / made, wall: wall / made, rate: (made * 1e9) / wall };
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
