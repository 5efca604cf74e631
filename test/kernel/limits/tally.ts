import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import type { KeyholeEvent } from "../../../src/event.js";
import { errnoName } from "../../../src/kernel/errno.js";

/** How often something was called, by process, call and result. */
export type Counts = ReadonlyMap<string, number>;

const keyOf = (pid: number, syscall: string, errno: string) => `${pid} ${syscall} ${errno}`;

function add(counts: Map<string, number>, key: string, count: number): void {
  counts.set(key, (counts.get(key) ?? 0) + count);
}

/** What events say was called and what was lost; it keeps none of them. */
export class Tally {
  /** One by one. */
  readonly told = new Map<string, number>();
  /** In sums. */
  readonly summed = new Map<string, number>();
  readonly #lost = new Map<string, number>();

  /** Takes `events` out of their list. */
  take(events: KeyholeEvent[]): this {
    for (const event of events.splice(0)) {
      if (event.type === "lost") add(this.#lost, event.reason, event.count);
      if (event.type !== "syscall") continue;
      const key = keyOf(event.process.pid, event.syscall, event.errno ?? "OK");
      if (event.summary === undefined) add(this.told, key, 1);
      else add(this.summed, key, event.summary.count);
    }
    return this;
  }

  /** How much was lost, by reason. */
  get lost(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#lost);
  }
}

/** The sum of all counts, or of those of `keys`. */
export function sum(counts: Counts, keys: Iterable<string> = counts.keys()): number {
  let total = 0;
  for (const key of keys) total += counts.get(key) ?? 0;
  return total;
}

/** Runs test/programs/storm.c; what it has issued by its own count. */
export async function runStorm([program, ...args]: readonly [string, ...string[]]): Promise<Counts> {
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"] });
  const exited = once(child, "exit") as Promise<[number | null]>;
  let text = "";
  for await (const chunk of child.stdout!.setEncoding("utf8")) text += chunk;
  assert.equal((await exited)[0], 0);
  const counts = new Map<string, number>();
  for (const line of text.trimEnd().split("\n")) {
    const [pid, syscall, errno, count] = line.split(" ") as [string, string, string, string];
    const name = Number(errno) === 0 ? "OK" : errnoName(Number(errno));
    counts.set(keyOf(Number(pid), syscall, name), Number(count));
  }
  return counts;
}
