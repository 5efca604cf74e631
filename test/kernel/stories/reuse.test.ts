import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { after, before, describe, it } from "node:test";
import { buildProgram } from "../../programs/build.js";
import { Agent } from "../capture/agent.js";
import { storiesOf, type Told } from "./stories.js";

const TYPES = ["proc", "tmpfs", "ramfs", "devpts"];
const PAIRS = 200;
const THREADS = 4;
const ROUNDS = 100;

const program = buildProgram("reuse.c");

describe("stories whose files have the address of one another", () => {
  let agent: Agent;

  before(async () => {
    agent = await Agent.start();
  });

  after(async () => {
    assert.equal(await agent.stop(), 0);
  });

  /** Runs the program; its stories when all have ended. */
  async function run(count: number, args: readonly number[]): Promise<Told[]> {
    const child = spawn(program, args.map(String), { stdio: ["pipe", "pipe", "inherit"] });
    const [line] = (await once(child.stdout, "data")) as [Buffer];
    assert.equal(line.toString(), "done\n");
    const pid = child.pid!;
    const ended = () => storiesOf(agent, pid).filter(({ last }) => last.ended !== null).length;
    await agent.until(`${count} ended stories`, () => ended() >= count);
    child.stdin.end();
    const [status] = (await once(child, "exit")) as [number];
    assert.equal(status, 0);
    return storiesOf(agent, pid);
  }

  it("are as many as there were contexts, each of one step", async () => {
    const stories = await run(PAIRS, [PAIRS]);
    assert.equal(stories.length, PAIRS);
    stories.forEach(({ last }, round) => {
      assert.deepEqual(
        last.steps.map(({ syscall, args }) => [syscall, args.fsname]),
        [["fsopen", TYPES[round % 4]]],
      );
      assert.equal(last.fs_type, TYPES[round % 4]);
      assert.ok(last.ended!.after <= last.ended!.before);
      // the next one has the address: this one was gone by then
      const next = stories[round + 1]?.last.began;
      assert.ok(next === undefined || last.ended!.after <= next);
    });
    const states = new Set(stories.map(({ last }) => last.state));
    assert.deepEqual([...states], ["closed"]);
  });

  it("have no step of another, from several threads at once", async () => {
    const count = THREADS * ROUNDS;
    const stories = await run(count, [ROUNDS, THREADS]);
    assert.equal(stories.length, count);
    const seen = new Set<string>();
    for (const { last } of stories) {
      assert.deepEqual(
        last.steps.map(({ syscall, ret }) => [syscall, ret! >= 0]),
        [
          ["fsopen", true],
          ["fsconfig", true],
        ],
      );
      const [open, configure] = last.steps;
      const source = String(configure!.args.value);
      const [thread, round] = source.split("-").map(Number) as [number, number];
      assert.equal(open!.args.fsname, TYPES[(thread + round) % 4]);
      assert.equal(last.fs_type, open!.args.fsname);
      assert.equal(open!.actor.tid, configure!.actor.tid);
      assert.equal(last.partial, undefined);
      assert.equal(last.state, "closed");
      seen.add(source);
    }
    assert.equal(seen.size, count);
  });
});
