import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { buildProgram, FREESTANDING_I386, temporaryFolder } from "../../programs/build.js";
import { Agent } from "./agent.js";
import { witness } from "./witness.js";

// Only x86-64 enters 32-bit calls from 64-bit code, and gcc for arm64 makes no 32-bit programs.
if (process.arch === "x64") {
  describe("the calls of 32-bit callers, as strace sees them", () => {
    const folder = temporaryFolder();
    const marker = [buildProgram("calls.c"), "marker", folder];
    let agent: Agent;

    before(async () => {
      agent = await Agent.start();
    });

    after(async () => {
      assert.equal(await agent.stop(), 0);
    });

    it("int 0x80 from 64-bit code", async () => {
      await witness(agent, [buildProgram("compat.c"), folder], marker, "i386");
    });

    it("a 32-bit process", async () => {
      await witness(agent, [buildProgram("i386.c", FREESTANDING_I386)], marker, "i386");
    });
  });
}
