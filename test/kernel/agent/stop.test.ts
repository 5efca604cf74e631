import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { after, before, describe, it } from "node:test";
import { buildProgram } from "../../programs/build.js";
import { Agent } from "../capture/agent.js";

describe("keyhole run under a flood that does not end", () => {
  let flood: ChildProcess;
  before(() => {
    flood = spawn(buildProgram("flood.c"), ["0"], { stdio: "ignore" });
  });
  after(() => flood.kill());

  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    it(`ends with 0 on ${signal}, and says what it could not publish any more`, async () => {
      const agent = await Agent.start();
      await agent.until(
        "the flood",
        () => agent.syscalls((event) => event.syscall === "setns").length > 1_000,
      );
      assert.equal(await agent.stop(signal), 0);
      const last = agent.events.at(-1);
      assert.ok(last?.type === "agent");
      assert.equal(last.state, "stopping");
      assert.equal(last.reason, signal);
      // numbers without a gap: nothing that was published is missing on stdout
      assert.equal(last.seq, agent.events.length);
    });
  }
});
