import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import type { MountState } from "../../../src/event.js";
import { buildProgram, temporaryFolder } from "../../programs/build.js";
import { Agent } from "../capture/agent.js";
import { Actor, type FindmntRow } from "./actor.js";
import { nanoseconds, storiesOf, storyIn } from "./stories.js";

/** include/uapi/linux/mount.h */
const SET_FLAG = 0;
const SET_STRING = 1;
const CREATE = 6;
const RECONFIGURE = 7;
const ATTR_RDONLY = 1;
const ATTR_NOSUID = 2;
const ATTR_NODEV = 4;
const ATTR_NOEXEC = 8;
const F_EMPTY_PATH = 4;
const OPEN_TREE_CLONE = 1;
const AT_EMPTY_PATH = 0x1000;
const FSPICK_EMPTY_PATH = 8;
const AT_FDCWD = -100;

const program = buildProgram("actor.c");
const folder = temporaryFolder();
const target = join(folder, "target");
const other = join(folder, "other");
const tree = join(folder, "tree");
for (const path of [target, other, join(tree, "sub")]) mkdirSync(path, { recursive: true });

/** What a mount is to the agent, and to findmnt(8). */
function assertSame(mount: MountState | undefined, row: FindmntRow | undefined, id: string): void {
  assert.ok(mount !== undefined && row !== undefined);
  assert.equal(mount.id, id);
  assert.equal(mount.old_id, row.id);
  assert.equal(mount.parent, row.parent);
  assert.equal(mount.dev, row["maj:min"]);
  assert.equal(mount.fs_type, row.fstype);
  assert.equal(mount.mountpoint, row.target);
  assert.equal(mount.root, row.fsroot);
  assert.deepEqual([...mount.options].sort(), row["vfs-options"].split(",").sort());
}

describe("a mount by the fd-based calls is one story", () => {
  let agent: Agent;
  let actor: Actor;

  before(async () => {
    agent = await Agent.start();
  });

  beforeEach(async () => {
    actor = await Actor.start(program);
  });

  afterEach(async () => {
    await actor.end();
  });

  after(async () => {
    assert.equal(await agent.stop(), 0);
  });

  /** A detached procfs; its context and its mount. */
  async function makeProcfs(): Promise<{ context: number; mount: number }> {
    const context = await actor.ok("fsopen", "proc", 0);
    await actor.ok("fsconfig", context, SET_STRING, "hidepid", "ptraceable", 0);
    await actor.ok("fsconfig", context, SET_STRING, "gid", "4711", 0);
    await actor.ok("fsconfig", context, CREATE, null, null, 0);
    const mount = await actor.ok("fsmount", context, 0, ATTR_NOSUID | ATTR_NODEV | ATTR_NOEXEC);
    return { context, mount };
  }

  it("from fsopen to move_mount, with the mount that came of it as the kernel shows it", async () => {
    const { mount } = await makeProcfs();
    const { id, old_id } = await actor.mount(mount);
    const moved = await actor.call("move_mount", mount, "", AT_FDCWD, target, F_EMPTY_PATH);
    assert.equal(moved.ret, 0);
    const [row] = actor.mountsOn(target);
    const { events, last, states } = await storyIn(agent, actor, "attached", "move_mount");

    assert.deepEqual(states, ["open", "open", "open", "open", "open", "attached"]);
    assert.deepEqual(
      events.map(({ steps }) => steps.length),
      [1, 2, 3, 4, 5, 6],
    );
    const calls = ["fsopen", "fsconfig", "fsconfig", "fsconfig", "fsmount", "move_mount"];
    assert.deepEqual(
      last.steps.map(({ syscall }) => syscall),
      calls,
    );
    assert.deepEqual(last.steps[1]?.args.value, "ptraceable");
    assert.equal(last.kind, "mount");
    assert.equal(last.partial, undefined);
    assert.equal(last.fs_type, "proc");
    assert.equal(last.began, last.steps[0]?.time);
    assert.deepEqual(last.ended, { after: last.steps[5]?.time, before: last.steps[5]?.time });
    const end = nanoseconds(last.ended!.after);
    assert.ok(end >= moved.before - 1_000_000n && end <= moved.after + 1_000_000n);

    const detached = events[4]!.mount;
    assert.deepEqual([detached?.id, detached?.old_id, detached?.mnt_ns], [id, old_id, null]);
    assertSame(last.mount, row, id);
    assert.equal(last.mount?.mnt_ns?.inum, actor.inum("mnt"));
    assert.deepEqual(row?.["fs-options"].split(",").sort(), ["gid=4711", "hidepid=ptraceable", "rw"]);
    const { pid_namespace: _id, ...procfs } = last.procfs!;
    assert.deepEqual(procfs, {
      dev: row?.["maj:min"],
      pid_ns: actor.inum("pid"),
      pid_ns_relation: "same",
      user_ns: actor.inum("user"),
      hidepid: "ptraceable",
      gid: 4711,
      subset: null,
    });
  });

  it("goes on after it was attached in another that follows it", async () => {
    const { context, mount } = await makeProcfs();
    await actor.ok("move_mount", mount, "", AT_FDCWD, target, F_EMPTY_PATH);
    await actor.ok("fsconfig", context, SET_STRING, "hidepid", "off", 0);
    await actor.ok("fsconfig", context, RECONFIGURE, null, null, 0);
    await actor.ok("mount_setattr", mount, "", AT_EMPTY_PATH, { set: ATTR_RDONLY }, 32);
    await actor.ok("move_mount", mount, "", AT_FDCWD, other, F_EMPTY_PATH);
    await actor.ok("close", context);
    const first = await storyIn(agent, actor, "attached", "fsopen");
    const again = await storyIn(agent, actor, "closed", "fsconfig");
    assert.equal(again.last.kind, "reconfigure");
    assert.equal(again.last.follows, first.id);
    assert.equal(again.last.partial, undefined);
    assert.equal(again.last.procfs?.hidepid, "off");
    assert.equal(again.last.procfs?.dev, first.last.procfs?.dev);
    const attributes = await storyIn(agent, actor, "attached", "mount_setattr");
    assert.equal(attributes.last.kind, "attributes");
    assert.equal(attributes.last.follows, first.id);
    const moves = storiesOf(agent, actor).filter(({ last }) => last.kind === "move");
    assert.equal(moves.length, 1);
    assert.equal(moves[0]?.last.follows, first.id);
    assertSame(moves[0]?.last.mount, actor.mountsOn(other)[0], first.last.mount!.id!);
    assert.ok(moves[0]?.last.mount?.options.includes("ro"));
  });

  it("from open_tree with OPEN_TREE_CLONE, with what mount_setattr changes on the way", async () => {
    const clone = await actor.ok("open_tree", AT_FDCWD, tree, OPEN_TREE_CLONE);
    const { id } = await actor.mount(clone);
    await actor.ok("mount_setattr", clone, "", AT_EMPTY_PATH, { set: ATTR_RDONLY | ATTR_NODEV }, 32);
    await actor.ok("move_mount", clone, "", AT_FDCWD, target, F_EMPTY_PATH);
    const { last, states } = await storyIn(agent, actor, "attached", "move_mount");
    assert.equal(last.kind, "clone");
    assert.deepEqual(states, ["open", "open", "attached"]);
    const [row] = actor.mountsOn(target);
    assert.ok(row?.["vfs-options"].startsWith("ro,nodev"));
    assertSame(last.mount, row, id);
  });

  it("of a clone of a detached mount follows the story of that", async () => {
    const { context, mount } = await makeProcfs();
    await actor.ok("close", context);
    const clone = await actor.ok("open_tree", mount, "", OPEN_TREE_CLONE | AT_EMPTY_PATH);
    await actor.ok("move_mount", clone, "", AT_FDCWD, target, F_EMPTY_PATH);
    const { last } = await storyIn(agent, actor, "attached", "open_tree");
    const [first] = storiesOf(agent, actor).filter(({ last }) => last.steps[0]?.syscall === "fsopen");
    assert.equal(last.follows, first?.id);
    assert.equal(last.procfs?.hidepid, "ptraceable");
    assert.equal(first?.last.state, "open");
    await actor.ok("close", mount);
    const closed = await storyIn(agent, actor, "closed", "fsopen");
    assert.equal(closed.id, first?.id);
  });

  it("from fspick, with the options of before and after", async () => {
    await actor.ok("mount", "p", target, "proc", 0, "hidepid=1");
    const context = await actor.ok("fspick", AT_FDCWD, target, 0);
    await actor.ok("fsconfig", context, SET_STRING, "hidepid", "2", 0);
    await actor.ok("fsconfig", context, RECONFIGURE, null, null, 0);
    await actor.ok("close", context);
    const { events, last, states } = await storyIn(agent, actor, "closed", "fspick");
    assert.equal(last.kind, "reconfigure");
    assert.deepEqual(states, ["open", "open", "open", "closed"]);
    assert.deepEqual(
      events.map(({ procfs }) => procfs?.hidepid),
      ["noaccess", "noaccess", "invisible", "invisible"],
    );
    assert.match(actor.mountsOn(target)[0]!["fs-options"], /hidepid=invisible/);
  });

  it("from fspick of a detached mount follows the story of that", async () => {
    const { mount } = await makeProcfs();
    await actor.ok("fspick", mount, "", FSPICK_EMPTY_PATH);
    const picked = await storyIn(agent, actor, "open", "fspick");
    const [first] = storiesOf(agent, actor).filter(({ last }) => last.steps[0]?.syscall === "fsopen");
    assert.equal(picked.last.follows, first?.id);
  });

  it("that was refused ends when its descriptor is closed", async () => {
    const context = await actor.ok("fsopen", "proc", 0);
    await actor.ok("fsconfig", context, SET_FLAG, "ro", null, 0);
    assert.equal((await actor.call("fsconfig", context, SET_STRING, "hidepid", "7", 0)).ret, -1);
    assert.equal((await actor.call("fsmount", context, 0, 0)).ret, -1);
    await actor.ok("close", context);
    const { last } = await storyIn(agent, actor, "rejected", "fsmount");
    assert.equal(last.mount, undefined);
    assert.deepEqual(
      last.steps.map(({ errno }) => errno),
      [undefined, undefined, "EINVAL", "EINVAL"],
    );
  });
});
