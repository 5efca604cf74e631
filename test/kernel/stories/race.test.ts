import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { FindingEvent, SyscallEvent } from "../../../src/event.js";
import { buildProgram, temporaryFolder } from "../../programs/build.js";
import { Agent } from "../capture/agent.js";
import { Cgroup } from "../limits/cgroup.js";
import { assertTrue, mountsOf, parseTruth, runProgram, type Truth } from "./truth.js";

const ROUNDS = 10_000;
const PAIRED_ROUNDS = 2_000;

const race = buildProgram("race.c");
const pair = buildProgram("pair.c");

/** What the call asked for, when it was read, that the kernel did not do. */
function differences({ args }: SyscallEvent, truth: Truth): string[] {
  const isShown = truth.type === "proc";
  const asked = String(args.data)
    .replace("hidepid=1", "hidepid=noaccess")
    .replace("hidepid=2", "hidepid=invisible");
  return [
    ...(args.source === truth.source ? [] : ["source"]),
    ...(args.target === truth.point ? [] : ["target"]),
    ...(args.filesystemtype === truth.type ? [] : ["type"]),
    ...(!isShown || asked.split(",").sort().join() === truth.options.join() ? [] : ["data"]),
  ];
}

describe("what is said of mount(2) when others have a hand in it", () => {
  let agent: Agent;
  const folder = temporaryFolder();
  const cgroup = new Cgroup(`/keyhole-race-${process.pid}`);

  before(async () => {
    agent = await Agent.start();
  });

  after(async () => {
    assert.equal(await agent.stop(), 0);
    await cgroup.remove();
  });

  it(`is what the kernel did in ${ROUNDS} rounds in which another thread rewrites the strings`, async () => {
    const container = ["--pid", "--fork", ...cgroup.command([race, folder, String(ROUNDS)])];
    const { pid, lines } = await runProgram(container);
    assert.equal(lines.length, ROUNDS);
    const isRaced = ({ args }: SyscallEvent) => JSON.stringify(args.mountflags) === '["MS_NOSUID"]';
    const mounts = await mountsOf(agent, pid, isRaced);
    assert.equal(mounts.length, ROUNDS);
    const differed = { source: 0, target: 0, type: 0, data: 0 };
    const procfs = new Set<string>();
    let made = 0;
    let outcomes = 0;
    for (const [index, { call, story }] of mounts.entries()) {
      const line = lines[index]!;
      const { outcome } = call;
      assert.deepEqual(story.mount, outcome?.mount);
      assert.deepEqual(story.procfs, outcome?.procfs);
      if (line === "-") {
        assert.equal(story.state, "rejected");
        assert.equal(outcome?.mount, undefined);
        continue;
      }
      assert.equal(call.mm_shared, true);
      assert.equal(story.state, "attached");
      const truth = parseTruth(line);
      if (truth.type === "proc") {
        made++;
        procfs.add(truth.dev);
      }
      for (const what of differences(call, truth)) differed[what as keyof typeof differed]++;
      if (outcome?.mount === undefined) {
        assert.equal(outcome?.procfs, undefined);
        continue;
      }
      outcomes++;
      assertTrue(outcome.mount, outcome.procfs, truth);
    }
    for (const [what, count] of Object.entries(differed))
      assert.ok(count > 0, `${what} was never rewritten during a call`);
    const succeeded = lines.filter((line) => line !== "-").length;
    assert.ok(outcomes > 0.9 * succeeded, `${outcomes} outcomes of ${succeeded} mounts`);

    const findings = agent.events.filter(
      (event): event is FindingEvent =>
        event.type === "finding" && event.subject.id === cgroup.path.slice(1) && event.kind === "act",
    );
    assert.ok(findings.length > 0);
    for (const { rule, count, evidence } of findings) {
      assert.equal(rule, "proc-mount-in-container");
      assert.ok(count <= made, `${count} of ${made}`);
      for (const { fact } of evidence) {
        const device = /made a procfs with device (\d+:\d+),/.exec(fact)?.[1];
        assert.ok(device !== undefined && procfs.has(device), fact);
      }
    }
  });

  for (const place of ["apart", "same"]) {
    const where = place === "same" ? "in the same place" : "in places of their own";
    it(`never names the mount of another process, which mounts ${where}`, async () => {
      const { pid, lines } = await runProgram([pair, folder, String(PAIRED_ROUNDS), place]);
      const truths = new Map<string, Truth>();
      for (const line of lines) {
        const truth = parseTruth(line.slice(2));
        truths.set(truth.source, truth);
      }
      assert.equal(truths.size, 2 * PAIRED_ROUNDS);
      const mounts = await mountsOf(agent, pid, ({ args }) => truths.has(String(args.source)));
      assert.equal(mounts.length, truths.size);
      let outcomes = 0;
      for (const { call, story } of mounts) {
        assert.deepEqual(story.mount, call.outcome?.mount);
        if (call.outcome?.mount === undefined) continue;
        outcomes++;
        assertTrue(call.outcome.mount, call.outcome.procfs, truths.get(String(call.args.source))!);
      }
      // how often the two meet is the scheduler's: then nothing is said
      assert.ok(outcomes > PAIRED_ROUNDS / 2, `${outcomes} outcomes`);
    });
  }
});
