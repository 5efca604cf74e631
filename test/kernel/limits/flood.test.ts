import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { buildProgram } from "../../programs/build.js";
import { Agent } from "../capture/agent.js";
import { settle } from "../stories/settle.js";
import { Cgroup } from "./cgroup.js";
import { type Counts, runStorm, sum, Tally } from "./tally.js";

/** How long a flood of calls that fail lasts; FLOOD_SECONDS=60 is what a node may see. */
const SECONDS = Number(process.env.FLOOD_SECONDS ?? "2.5");
/** How long one of calls that succeed does: they are limited by the ring alone. */
const SUCCEEDING_MS = "2500";
const PROCESSES = 4;
/** How many calls a second the workload makes that is not to notice, and how many of each of five kinds in all. */
const RATE = 1_000;
const COUNT = 300;
/** With four sums of each more than there is room for in the kernel's table. */
const MANY_PROCESSES = 1_150;
/** How often events are taken out of memory, in milliseconds. */
const TAKE_MS = 100;

const storm = buildProgram("storm.c");

/** What two workloads issued, and what the agent said of it. */
interface Floods {
  readonly flood: Counts;
  readonly others: Counts;
  readonly tally: Tally;
}

describe("a workload that floods", () => {
  const parent = new Cgroup(`/keyhole-flood-${process.pid}`);
  const flooding = new Cgroup(`${parent.path}/flooding`);
  const modest = new Cgroup(`${parent.path}/modest`);

  after(async () => {
    for (const cgroup of [flooding, modest, parent]) await cgroup.remove();
  });

  /** An agent that sees the two workloads alone, so that what it loses is theirs. */
  const startFiltered = (...options: string[]) => Agent.start(["--filter-cgroup", parent.path, ...options]);

  /** Runs a storm beside calls at a modest rate. The agent has ended when this returns. */
  async function runBeside(agent: Agent, kind: readonly string[], count = COUNT): Promise<Floods> {
    const tally = new Tally();
    const timer = setInterval(() => tally.take(agent.events), TAKE_MS);
    try {
      const [flood, others] = await Promise.all([
        runStorm(flooding.command([storm, ...kind])),
        runStorm(modest.command([storm, "modest", String(count), String(RATE)])),
      ]);
      clearInterval(timer);
      await settle(agent, modest.command(["unshare", "--uts", "true"]));
      return { flood, others, tally };
    } finally {
      clearInterval(timer);
      assert.equal(await agent.stop(), 0);
      tally.take(agent.events);
    }
  }

  /** Every call of the workload that is not to notice was told by itself. */
  function assertUntouched({ others, tally }: Floods): void {
    for (const [key, count] of others) {
      assert.equal(tally.told.get(key), count, `${key}: ${JSON.stringify(tally.lost)}`);
      assert.equal(tally.summed.get(key), undefined, key);
    }
  }

  it(`with calls that fail for ${SECONDS} s has each of them counted, and costs another workload none`, async () => {
    const kind = ["failing", String(SECONDS * 1_000), String(PROCESSES)];
    const floods = await runBeside(await Agent.start([]), kind, Math.ceil((SECONDS * RATE) / 8));
    const { flood, tally } = floods;
    assertUntouched(floods);
    // four kinds from each process
    assert.equal(flood.size, 4 * PROCESSES);
    for (const [key, count] of flood)
      assert.equal((tally.told.get(key) ?? 0) + (tally.summed.get(key) ?? 0), count, key);
    assert.ok(sum(tally.summed, flood.keys()) > sum(tally.told, flood.keys()), "it was no flood");
  });

  it("with calls that succeed has those counted that are not told, and costs another workload none", async () => {
    const floods = await runBeside(await startFiltered(), ["succeeding", SUCCEEDING_MS]);
    const { flood, tally } = floods;
    assertUntouched(floods);
    const { "workload-limit": limited = 0, ...lost } = tally.lost;
    assert.deepEqual(lost, {});
    assert.ok(limited > 0, "it was no flood");
    assert.equal(sum(tally.told, flood.keys()) + limited, sum(flood));
  });

  it("has each loss counted where no limit is set", async () => {
    const agent = await startFiltered("--limits-rate", "0", "--ring-size", "64KiB");
    let issued: Counts;
    try {
      issued = await runStorm(flooding.command([storm, "failing", "500", String(PROCESSES)]));
    } finally {
      assert.equal(await agent.stop(), 0);
    }
    const { told, summed, lost: all } = new Tally().take(agent.events);
    const { "ring-full": full = 0, "ring-full-tasks": _tasks, ...lost } = all;
    assert.deepEqual(lost, {});
    assert.ok(full > 0, "it was no flood");
    assert.equal(sum(told, issued.keys()) + full, sum(issued));
    assert.equal(sum(summed), 0);
  });

  it("from processes that are too many to be summed up has those counted that are not", async () => {
    const agent = await startFiltered("--limits-rate", "1");
    let issued: Counts;
    try {
      // it cannot make room for new sums
      process.kill(agent.pid, "SIGSTOP");
      issued = await runStorm(flooding.command([storm, "short", String(MANY_PROCESSES)]));
      process.kill(agent.pid, "SIGCONT");
      await agent.until("the loss to be told", () =>
        agent.events.some((event) => event.type === "lost" && event.reason === "summary-full"),
      );
    } finally {
      process.kill(agent.pid, "SIGCONT");
      assert.equal(await agent.stop(), 0);
    }
    assert.equal(sum(issued), 4 * MANY_PROCESSES);
    const { told, summed, lost: all } = new Tally().take(agent.events);
    const { "summary-full": full = 0, "ring-full-tasks": _tasks, ...lost } = all;
    assert.deepEqual(lost, {});
    assert.equal(sum(told) + sum(summed) + full, 4 * MANY_PROCESSES);
    assert.ok(full > 0 && sum(summed) > full);
  });
});
