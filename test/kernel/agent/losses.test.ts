import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, it } from "node:test";
import type { LostEvent } from "../../../src/event.js";
import { buildProgram } from "../../programs/build.js";
import { Agent } from "../capture/agent.js";

const CALLS = 20_000;
/** Calls that other processes of this machine may lose meanwhile. */
const OTHERS = 20;

describe("a ring that overflows", () => {
  it("loses nothing silently: issued is reported and counted as lost, to the event", async () => {
    const flood = buildProgram("flood.c");
    const agent = await Agent.start(["--ring-size", "64KiB", "--limits-rate", "0"]);
    try {
      process.kill(agent.pid, "SIGSTOP");
      const { pid, status } = spawnSync(flood, [String(CALLS)]);
      assert.equal(status, 0);
      process.kill(agent.pid, "SIGCONT");
      const lost = () =>
        agent.events
          .filter((event): event is LostEvent => event.type === "lost" && event.reason === "ring-full")
          .reduce((sum, event) => sum + event.count, 0);
      await agent.until("the loss to be told", () => lost() > 0);
      await agent.until("the inventory after it", () =>
        agent.events.some((event) => event.type === "agent" && event.state === "inventory"),
      );
      const reported = agent.syscalls((event) => event.syscall === "setns" && event.process.pid === pid);
      assert.ok(reported.length > 0);
      const missing = CALLS - reported.length;
      assert.ok(
        lost() >= missing && lost() <= missing + OTHERS,
        `${missing} missing, ${lost()} told as lost`,
      );
    } finally {
      assert.equal(await agent.stop(), 0);
    }
  });
});
