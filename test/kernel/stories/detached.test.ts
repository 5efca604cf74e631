import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import { buildProgram, temporaryFolder } from "../../programs/build.js";
import { Agent } from "../capture/agent.js";
import { Actor, killOne } from "./actor.js";
import { isDuring, storiesOf, storyIn, type Told } from "./stories.js";

/** include/uapi/linux/mount.h and fcntl.h */
const SET_STRING = 1;
const CREATE = 6;
const F_EMPTY_PATH = 4;
const AT_FDCWD = -100;
const O_DIRECTORY = 0o200000;
const O_PATH = 0o10000000;

const program = buildProgram("actor.c");
const folder = temporaryFolder();
const target = join(folder, "target");
mkdirSync(target);

/** Who has a descriptor of a file below the mount with that id in mountinfo, as proc_pid_fdinfo(5) has it. */
function trueHolders(pids: readonly number[], mount: number): { pid: number; fds: number[] }[] {
  const holders = pids.map((pid) => {
    const fds = existsSync(`/proc/${pid}/fdinfo`) ? readdirSync(`/proc/${pid}/fdinfo`) : [];
    const held = fds.filter((fd) =>
      new RegExp(`^mnt_id:\\s${mount}$`, "m").test(readFileSync(`/proc/${pid}/fdinfo/${fd}`, "utf8")),
    );
    return { pid, fds: held.map(Number).sort((a, b) => a - b) };
  });
  return holders.filter(({ fds }) => fds.length > 0);
}

const byPid = (a: { pid: number }, b: { pid: number }) => a.pid - b.pid;

describe("a detached procfs", () => {
  let agent: Agent;
  const actors: Actor[] = [];
  let laterStories = 0;

  before(async () => {
    agent = await Agent.start();
  });

  afterEach(async () => {
    for (const actor of actors.splice(0)) await actor.end();
  });

  after(async () => {
    assert.equal(await agent.stop(), 0);
  });

  async function start(namespaces?: readonly string[]): Promise<Actor> {
    const actor = await Actor.start(program, namespaces);
    actors.push(actor);
    return actor;
  }

  /** Makes one; its descriptor. */
  async function makeProcfs(actor: Actor): Promise<number> {
    const context = await actor.ok("fsopen", "proc", 0);
    await actor.ok("fsconfig", context, SET_STRING, "hidepid", "noaccess", 0);
    await actor.ok("fsconfig", context, SET_STRING, "subset", "pid", 0);
    await actor.ok("fsconfig", context, CREATE, null, null, 0);
    const mount = await actor.ok("fsmount", context, 0, 0);
    await actor.ok("close", context);
    return mount;
  }

  /** The stories of its procfs; beside them unshare(1) has made one of one step. */
  const procfsStories = (actor: Actor) =>
    storiesOf(agent, actor).filter(({ last }) => last.steps[0]?.args.fsname === "proc");

  /** The only one of them. */
  function told(actor: Actor): Told {
    const stories = procfsStories(actor);
    assert.equal(stories.length, 1);
    return stories[0]!;
  }

  it("is seen through dup, fork, exec and SCM_RIGHTS until nobody holds it", async () => {
    const maker = await start(["--pid", "--fork", "--kill-child"]);
    const [receiver, thief] = [await start(), await start()];
    const mount = await makeProcfs(maker);
    const { old_id } = await maker.mount(mount);
    const pids = [maker.pid, receiver.pid, thief.pid];

    /** Waits until the agent names those who hold it, and says so of the story. */
    async function assertHeld(state: string): Promise<void> {
      // the agent asks who holds it when its maker executes
      await maker.ok("exec");
      const holders = trueHolders(pids, old_id).sort(byPid);
      const isTold = () => {
        const { last } = told(maker);
        const named = last.holders?.map(({ pid, fds }) => ({ pid, fds: [...fds] })).sort(byPid);
        return last.state === state && JSON.stringify(named) === JSON.stringify(holders);
      };
      await agent.until(`${JSON.stringify(holders)} as ${state}`, isTold).catch((error) => {
        throw new Error(`${String(error)}: ${JSON.stringify(told(maker).last.holders)}`);
      });
    }

    await agent.until("the detached mount", () => procfsStories(maker)[0]?.last.mount !== undefined);
    const { last } = told(maker);
    assert.equal(last.mount?.mnt_ns, null);
    assert.equal(last.mount?.mountpoint, null);
    const { pid_ns, hidepid, subset } = last.procfs!;
    assert.deepEqual(
      { pid_ns, hidepid, subset },
      { pid_ns: maker.inum("pid"), hidepid: "noaccess", subset: "pid" },
    );
    assert.notEqual(pid_ns, receiver.inum("pid"));

    const copied = await maker.ok("dup", mount);
    await assertHeld("kept");
    pids.push(await maker.fork());
    await assertHeld("kept");
    assert.equal(trueHolders(pids, old_id).length, 2);

    const path = join(folder, "socket");
    await receiver.ok("listen", path);
    await maker.ok("give", path, mount);
    await maker.ok("close", mount);
    await maker.ok("close", copied);
    await assertHeld("passed");
    killOne(pids.pop()!);
    await assertHeld("kept");
    assert.deepEqual(told(maker).last.holders, []);

    const received = await receiver.ok("take");
    await agent.until("the receiver", () => told(maker).last.state === "passed");
    await assertHeld("passed");

    const pidfd = await thief.ok("pidfd_open", receiver.pid, 0);
    const stolen = await thief.ok("pidfd_getfd", pidfd, received, 0);
    await assertHeld("passed");
    await receiver.end();
    await assertHeld("passed");

    const closed = await thief.call("close", stolen);
    assert.equal(closed.ret, 0);
    await agent.until("the end", () => told(maker).last.ended !== null);
    const end = told(maker).last;
    assert.equal(end.state, "closed");
    assert.ok(isDuring(closed, end.ended!), `${JSON.stringify(end.ended)} ${closed.before} ${closed.after}`);
  });

  it("goes on while it is held by a file that was opened through /proc/self/fd", async () => {
    const actor = await start();
    const mount = await makeProcfs(actor);
    const again = await actor.ok("open", `/proc/self/fd/${mount}`, O_DIRECTORY);
    const path = await actor.ok("open", `/proc/self/fd/${again}`, O_PATH);
    await actor.ok("close", mount);
    // a look at all files comes between the two
    await laterStory(actor);
    assert.equal(told(actor).last.ended, null);
    await actor.ok("close", again);
    await laterStory(actor);
    assert.equal(told(actor).last.ended, null);
    const closed = await actor.call("close", path);
    await agent.until("the end", () => told(actor).last.ended !== null);
    assert.equal(told(actor).last.state, "closed");
    assert.ok(isDuring(closed, told(actor).last.ended!));
  });

  /** Another story of the actor that begins and is found to have ended. */
  async function laterStory(actor: Actor): Promise<void> {
    const source = `later-${laterStories++}`;
    const context = await actor.ok("fsopen", "tmpfs", 0);
    await actor.ok("fsconfig", context, SET_STRING, "source", source, 0);
    await actor.ok("close", context);
    const isIt = ({ last }: Told) => last.steps[1]?.args.value === source && last.ended !== null;
    await agent.until("a later story to end", () => storiesOf(agent, actor).some(isIt));
  }

  it("is attached by a move_mount of a file that was opened through /proc/self/fd", async () => {
    const actor = await start();
    const mount = await makeProcfs(actor);
    const again = await actor.ok("open", `/proc/self/fd/${mount}`, O_PATH);
    await actor.ok("move_mount", again, "", AT_FDCWD, target, F_EMPTY_PATH);
    const { last } = await storyIn(agent, actor, "attached", "move_mount");
    assert.equal(last.steps[0]?.syscall, "fsopen");
    assert.equal(last.mount?.id, (await actor.mount(again)).id);
    assert.equal(told(actor).id, last.id);
    assert.deepEqual(
      storiesOf(agent, actor).filter(({ last }) => last.kind === "move"),
      [],
    );
  });

  it("is attached by a move_mount that names it by a path", async () => {
    for (const from of ["path", "directory"]) {
      const actor = await start();
      const mount = await makeProcfs(actor);
      if (from === "path") {
        await actor.ok("move_mount", AT_FDCWD, `/proc/self/fd/${mount}`, AT_FDCWD, target, 0x1);
      } else {
        await actor.ok("fchdir", mount);
        await actor.ok("move_mount", AT_FDCWD, ".", AT_FDCWD, target, 0);
      }
      await actor.ok("close", mount);
      await agent.until("the end", () => (procfsStories(actor)[0]?.last.ended ?? null) !== null);
      const { last } = told(actor);
      assert.equal(last.state, "attached", from);
    }
  });

  it("that is moved onto another detached mount is attached when that is", async () => {
    const actor = await start();
    const context = await actor.ok("fsopen", "tmpfs", 0);
    await actor.ok("fsconfig", context, CREATE, null, null, 0);
    const below = await actor.ok("fsmount", context, 0, 0);
    await actor.ok("mkdir", `/proc/self/fd/${below}/in`, 0o755);
    const mount = await makeProcfs(actor);
    // since Linux 6.15
    await actor.ok("move_mount", mount, "", below, "in", F_EMPTY_PATH);
    await laterStory(actor);
    assert.equal(told(actor).last.state, "open");
    assert.equal(told(actor).last.mount?.mnt_ns, null);
    const moved = await actor.call("move_mount", below, "", AT_FDCWD, target, F_EMPTY_PATH);
    assert.equal(moved.ret, 0);
    await agent.until("the end", () => told(actor).last.ended !== null);
    assert.equal(told(actor).last.state, "attached");
    assert.ok(isDuring(moved, told(actor).last.ended!));
    assert.equal(actor.mountsOn(join(target, "in"))[0]?.fstype, "proc");
  });

  it("is not said to have lost its maker when that loses its first thread", async () => {
    const actor = await start();
    const mount = await makeProcfs(actor);
    await actor.ok("leave");
    await laterStory(actor);
    assert.equal(told(actor).last.state, "open");
    await actor.ok("close", mount);
    await agent.until("the end", () => told(actor).last.ended !== null);
    assert.equal(told(actor).last.state, "closed");
  });

  it("outlives its maker, and ends with whoever holds it last", async () => {
    const actor = await start();
    const mount = await makeProcfs(actor);
    assert.ok(mount >= 0);
    const copy = await actor.fork();
    await actor.kill();
    const { last } = await storyIn(agent, actor, "passed", "fsmount");
    assert.deepEqual(
      last.holders?.map(({ pid }) => pid),
      [copy],
    );
    killOne(copy);
    const end = await storyIn(agent, actor, "process-died", "fsmount");
    assert.ok(end.last.ended !== null);
  });
});
