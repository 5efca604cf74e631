import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import type { KeyholeEvent, LostEvent, SyscallEvent } from "../../../src/event.js";
import { errnoName } from "../../../src/kernel/errno.js";

/** How often something was called, by process, call and result. */
export type Tally = ReadonlyMap<string, number>;

const keyOf = (pid: number, syscall: string, errno: string) => `${pid} ${syscall} ${errno}`;

/** Runs test/programs/storm.c; what it has issued by its own count. */
export async function runStorm(command: readonly string[]): Promise<Tally> {
  const child = spawn(command[0]!, command.slice(1), { stdio: ["ignore", "pipe", "inherit"] });
  const exited = once(child, "exit") as Promise<[number | null]>;
  let text = "";
  for await (const chunk of child.stdout!.setEncoding("utf8")) text += chunk;
  assert.equal((await exited)[0], 0);
  const lines = text.trimEnd().split("\n");
  return new Map(
    lines.map((line) => {
      const [pid, syscall, errno, count] = line.split(" ") as [string, string, string, string];
      const name = Number(errno) === 0 ? "OK" : errnoName(Number(errno));
      return [keyOf(Number(pid), syscall, name), Number(count)];
    }),
  );
}

/** What the events say was called: one by one, or in sums. */
export function tallyOf(events: readonly KeyholeEvent[], how: "told" | "summed"): Tally {
  const tally = new Map<string, number>();
  for (const event of events) {
    if (event.type !== "syscall" || (event.summary !== undefined) !== (how === "summed")) continue;
    const key = keyOf(event.process.pid, event.syscall, event.errno ?? "OK");
    tally.set(key, (tally.get(key) ?? 0) + countOf(event));
  }
  return tally;
}

function countOf({ summary }: SyscallEvent): number {
  return summary?.count ?? 1;
}

/** All of a tally that one of `keys` names, or all of it. */
export function sum(tally: Tally, keys: Iterable<string> = tally.keys()): number {
  let total = 0;
  for (const key of keys) total += tally.get(key) ?? 0;
  return total;
}

/** What was told as lost, by reason. */
export function losses(events: readonly KeyholeEvent[]): Record<string, number> {
  const lost: Record<string, number> = {};
  for (const event of events.filter((event): event is LostEvent => event.type === "lost"))
    lost[event.reason] = (lost[event.reason] ?? 0) + event.count;
  return lost;
}
