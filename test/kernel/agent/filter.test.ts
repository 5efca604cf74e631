import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, readlinkSync } from "node:fs";
import { dirname } from "node:path";
import { describe, it } from "node:test";
import { buildProgram } from "../../programs/build.js";
import { Agent } from "../capture/agent.js";

const flood = buildProgram("flood.c");
// other users run it too
chmodSync(dirname(flood), 0o755);

/** Runs the program as `uid`; returns its pid. */
function call(uid: number): number {
  const { pid, status } = spawnSync(flood, ["1"], { uid });
  assert.equal(status, 0);
  return pid!;
}

function pidsSeen(agent: Agent): number[] {
  return agent.syscalls((event) => event.syscall === "setns").map((event) => event.process.pid);
}

async function seenOf(options: readonly string[], pids: () => number[]): Promise<boolean[]> {
  const agent = await Agent.start(options);
  try {
    const made = pids();
    // a call that passes every filter used here comes last, so that what is missing then was left out
    const last = call(0);
    await agent.until("the last call", () => pidsSeen(agent).includes(last));
    return made.map((pid) => pidsSeen(agent).includes(pid));
  } finally {
    assert.equal(await agent.stop(), 0);
  }
}

describe("filters in the kernel", () => {
  it("leave out a uid", async () => {
    assert.deepEqual(await seenOf(["--exclude-uid", "65534"], () => [call(65534), call(0)]), [false, true]);
  });

  it("keep only a uid", async () => {
    assert.deepEqual(await seenOf(["--filter-uid", "0"], () => [call(65534), call(0)]), [false, true]);
  });

  it("keep only a pid namespace", async () => {
    const inum = /\d+/.exec(readlinkSync("/proc/self/ns/pid"))![0];
    const agent = await Agent.start(["--filter-pidns", inum]);
    try {
      spawnSync("unshare", ["--pid", "--fork", flood, "1"]);
      const last = call(0);
      await agent.until("the last call", () => pidsSeen(agent).includes(last));
      const elsewhere = agent.syscalls((event) => String(event.namespaces.pid?.inum) !== inum);
      assert.deepEqual(elsewhere, []);
    } finally {
      assert.equal(await agent.stop(), 0);
    }
  });
});
