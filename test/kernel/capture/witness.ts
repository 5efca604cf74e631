import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { SyscallEvent } from "../../../src/event.js";
import { compare, describeComparison } from "../../oracle/compare.js";
import { parseStrace } from "../../oracle/parse.js";
import { expectedCalls, TRACED } from "../../oracle/shapes.js";
import { straceCommand } from "../../oracle/strace-install.js";
import { temporaryFolder } from "../../programs/build.js";
import type { Agent } from "./agent.js";

/** Long enough for a path of PATH_MAX bytes. */
const STRING_LIMIT = "4096";

/** The ABI of programs built for the machine, as the event names it. */
export const NATIVE_ABI = process.arch === "arm64" ? "arm64" : "x86_64";

/**
 * Runs `command` with strace and `agent` watching at once, and asserts that both tell the same story: no call
 * missed, extra or different. `marker` is as in {@link settle}. Returns the events.
 */
export async function witness(
  agent: Agent,
  command: readonly string[],
  marker: readonly string[],
  abi = NATIVE_ABI,
): Promise<SyscallEvent[]> {
  const record = join(temporaryFolder(), "strace");
  const strace = [...straceCommand(), ...["-f", "-qq", "-xx", "-v", "-s", STRING_LIMIT], "-e", "signal=none"];
  run([...strace, "-e", `trace=${TRACED}`, "-o", record, ...command]);
  const calls = parseStrace(readFileSync(record, "utf8"));
  assert.notEqual(calls.length, 0, "strace saw no call");

  await settle(agent, marker);
  const threads = new Set(
    calls.flatMap(({ tid, name, ret }) => [tid, name.startsWith("clone") ? Number(ret) : tid]),
  );
  const events = agent.syscalls(({ process }) => threads.has(process.tid));
  const comparison = compare(expectedCalls(calls), events, abi);
  assert.equal(describeComparison(comparison), "");
  assert.notEqual(comparison.matched, 0);
  return events;
}

/**
 * Waits until the agent has published all that happened before: `marker` is a program that ends with a failing
 * setns(2) and then a successful unshare(2), and these have been published.
 */
export async function settle(agent: Agent, marker: readonly string[]): Promise<void> {
  const pid = run(marker);
  await agent.until(`the calls of ${marker.join(" ")}`, () => {
    const marks = agent.syscalls(({ process }) => process.pid === pid).slice(-2);
    return marks[0]?.syscall === "setns" && marks[1]?.syscall === "unshare";
  });
}

/** Runs a program to its end, which must be a success, and returns its process id. */
export function run([program = "", ...args]: readonly string[]): number {
  const { pid, status, signal, stderr, error } = spawnSync(program, args, { encoding: "utf8" });
  assert.equal(status, 0, `${program} ${args.join(" ")}: ${error?.message ?? signal ?? ""} ${stderr}`);
  return pid;
}
