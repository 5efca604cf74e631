import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { after, before, describe, it } from "node:test";
import { buildProgram, temporaryFolder } from "../../programs/build.js";
import { Agent } from "./agent.js";
import { run, settle, witness } from "./witness.js";

/** strace shows the number of a call that seccomp killed as its result: the kernel has put it back there. */
const WITHOUT_STRACE = "seccomp-kill";

describe("the calls of native programs, as strace sees them", () => {
  const calls = buildProgram("calls.c");
  const cases = spawnSync(calls, ["--list"], { encoding: "utf8" }).stdout.trim().split("\n");
  assert.ok(cases.includes(WITHOUT_STRACE));
  const folder = temporaryFolder();
  const marker = [calls, "marker", folder];
  let agent: Agent;

  before(async () => {
    agent = await Agent.start();
  });

  after(async () => {
    assert.equal(await agent.stop(), 0);
  });

  for (const name of cases.filter((one) => one !== WITHOUT_STRACE)) {
    it(name, async () => {
      const events = await witness(agent, [calls, name, folder], marker);
      if (name === "hostile-strings") {
        const names = new Set(events.map(({ process }) => process.comm));
        assert.deepEqual([...names], ["calls", '\u001b[31mx\n"\ufffd']);
      }
    });
  }

  it("a call that seccomp kills has no result", async () => {
    const pid = run([calls, WITHOUT_STRACE, folder]);
    await settle(agent, marker);
    const [killed, ...others] = agent.syscalls(({ process }) => process.ppid === pid);
    assert.deepEqual([killed?.syscall, killed?.ret, killed?.errno, others], ["mount", null, undefined, []]);
    assert.ok(killed?.outcome?.seccomp);
  });

  it("published no loss", () => {
    assert.deepEqual(
      agent.events.filter((event) => event.type === "lost"),
      [],
    );
  });
});
