import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { buildProgram } from "../../programs/build.js";
import { Agent } from "../capture/agent.js";
import { settle } from "../stories/settle.js";
import { Cgroup } from "./cgroup.js";
import { losses, runStorm, sum, tallyOf } from "./tally.js";

const MILLISECONDS = 2_500;
const PROCESSES = 4;
/** Calls of each of five kinds by the workload that is not to notice, and how many a second of all. */
const COUNT = 300;
const RATE = 1_000;

const storm = buildProgram("storm.c");

describe("a workload that floods", () => {
  const parent = new Cgroup(`/keyhole-flood-${process.pid}`);
  const flooding = new Cgroup(`${parent.path}/flooding`);
  const modest = new Cgroup(`${parent.path}/modest`);

  after(async () => {
    for (const cgroup of [flooding, modest, parent]) await cgroup.remove();
  });

  /** The agent sees the two workloads alone, so that what it loses is theirs. */
  const start = (...options: string[]) => Agent.start(["--filter-cgroup", parent.path, ...options]);

  /** Runs a storm in each workload at once; what they issued, when all of it has come through the ring. */
  async function runBoth(agent: Agent, kind: readonly string[]) {
    const [flood, others] = await Promise.all([
      runStorm(flooding.command([storm, ...kind])),
      runStorm(modest.command([storm, "modest", String(COUNT), String(RATE)])),
    ]);
    await settle(agent, modest.command(["unshare", "--uts", "true"]));
    return { flood, others };
  }

  it("with calls that fail has each of them counted, and costs another workload none", async () => {
    const agent = await Agent.start();
    let issued: Awaited<ReturnType<typeof runBoth>>;
    try {
      issued = await runBoth(agent, ["failing", String(MILLISECONDS), String(PROCESSES)]);
    } finally {
      assert.equal(await agent.stop(), 0);
    }
    const { flood, others } = issued;
    const [told, summed] = [tallyOf(agent.events, "told"), tallyOf(agent.events, "summed")];
    for (const [key, count] of others) {
      assert.equal(told.get(key), count, `${key}: ${JSON.stringify(losses(agent.events))}`);
      assert.equal(summed.get(key), undefined, key);
    }
    // four kinds from each process
    assert.equal(flood.size, 4 * PROCESSES);
    for (const [key, count] of flood) assert.equal((told.get(key) ?? 0) + (summed.get(key) ?? 0), count, key);
    assert.ok(sum(summed, flood.keys()) > sum(told, flood.keys()), "it was no flood");
  });

  it("with calls that succeed has those counted that are not told, and costs another workload none", async () => {
    const agent = await start();
    let issued: Awaited<ReturnType<typeof runBoth>>;
    try {
      issued = await runBoth(agent, ["succeeding", String(MILLISECONDS)]);
    } finally {
      assert.equal(await agent.stop(), 0);
    }
    const { flood, others } = issued;
    const [told, summed] = [tallyOf(agent.events, "told"), tallyOf(agent.events, "summed")];
    for (const [key, count] of others) {
      assert.equal(told.get(key), count, `${key}: ${JSON.stringify(losses(agent.events))}`);
      assert.equal(summed.get(key), undefined, key);
    }
    const { "workload-limit": limited = 0, ...lost } = losses(agent.events);
    assert.deepEqual(lost, {});
    assert.ok(limited > 0, "it was no flood");
    assert.equal(sum(told, flood.keys()) + limited, sum(flood));
  });

  it("has each loss counted where no limit is set", async () => {
    const agent = await start("--limits-rate", "0", "--ring-size", "64KiB");
    let issued: Awaited<ReturnType<typeof runStorm>>;
    try {
      issued = await runStorm(flooding.command([storm, "failing", "500", String(PROCESSES)]));
    } finally {
      assert.equal(await agent.stop(), 0);
    }
    const told = tallyOf(agent.events, "told");
    const { "ring-full": full = 0, "ring-full-tasks": _tasks, ...lost } = losses(agent.events);
    assert.deepEqual(lost, {});
    assert.ok(full > 0, "it was no flood");
    assert.equal(sum(told, issued.keys()) + full, sum(issued));
    assert.equal(sum(tallyOf(agent.events, "summed")), 0);
  });

  it("of processes that are too many to be summed up has those counted that are not", async () => {
    const agent = await start("--limits-rate", "1");
    const processes = 4_500;
    let issued: Awaited<ReturnType<typeof runStorm>>;
    try {
      // it cannot make room for new sums
      process.kill(agent.pid, "SIGSTOP");
      issued = await runStorm(flooding.command([storm, "short", String(processes)]));
      process.kill(agent.pid, "SIGCONT");
      await agent.until("the loss to be told", () => losses(agent.events)["summary-full"] !== undefined);
    } finally {
      process.kill(agent.pid, "SIGCONT");
      assert.equal(await agent.stop(), 0);
    }
    assert.equal(sum(issued), processes);
    const { "summary-full": full = 0, "ring-full-tasks": _tasks, ...lost } = losses(agent.events);
    assert.deepEqual(lost, {});
    const reported = sum(tallyOf(agent.events, "told")) + sum(tallyOf(agent.events, "summed"));
    assert.equal(reported + full, processes);
    assert.ok(full > 0 && sum(tallyOf(agent.events, "summed")) > 1_000);
  });
});
