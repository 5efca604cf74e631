import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { after, before } from "node:test";
import type { SyscallEvent } from "../../../src/event.js";
import { describeComparison } from "../../oracle/compare.js";
import { AGENT_OPTIONS, observe } from "../../oracle/observation.js";
import { Agent } from "./agent.js";

/** Milliseconds after which a command that does not end is ended; nothing is measured with it. */
const PATIENCE = 120_000;

/**
 * Runs a command, which must succeed, with strace and an agent watching at once, and asserts that both tell the same
 * story: no call missed, extra or different. Returns the events.
 */
export type Witness = (command: readonly string[]) => Promise<readonly SyscallEvent[]>;

/** A witness for the tests of a describe(), with an agent of its own that must end well after them. */
export function callWitness(): Witness {
  let agent: Agent;

  before(async () => {
    agent = await Agent.start(AGENT_OPTIONS);
  });

  after(async () => {
    assert.equal(await agent.stop(), 0);
  });

  return async (command) => {
    const options = { output: "collect", patience: PATIENCE } as const;
    const { recording, comparison, events } = await observe(agent, command, options);
    const { status, stdout, stderr } = recording;
    assert.equal(status, 0, `${command.join(" ")}: ${stdout}${stderr}`);
    assert.equal(describeComparison(comparison), "");
    assert.notEqual(comparison.matched, 0, "strace saw no call");
    return events;
  };
}

/** Runs a program to its end, which must be a success, and returns its process id. */
export function run([program = "", ...args]: readonly string[]): number {
  const { pid, status, signal, stderr, error } = spawnSync(program, args, { encoding: "utf8" });
  assert.equal(status, 0, `${program} ${args.join(" ")}: ${error?.message ?? signal ?? ""} ${stderr}`);
  return pid;
}
