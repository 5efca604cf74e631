import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import type { MountState, StoryEvent, SyscallEvent } from "../../../src/event.js";
import { buildProgram, temporaryFolder } from "../../programs/build.js";
import { Agent } from "../capture/agent.js";
import { Actor } from "./actor.js";
import { storiesOf, storyIn } from "./stories.js";

/** include/uapi/linux/mount.h and fcntl.h */
const MS_NOSUID = 2;
const MS_REMOUNT = 32;
const MS_BIND = 4096;
const MS_MOVE = 8192;
const MS_REC = 16384;
const MS_SHARED = 1 << 20;
const F_EMPTY_PATH = 4;
const ATTR_NODEV = 4;
const AT_FDCWD = -100;
const AT_SYMLINK_NOFOLLOW = 0x100;
const O_PATH = 0o10000000;
const O_DIRECTORY = 0o200000;

const program = buildProgram("actor.c");
const endings = buildProgram("endings.c");
const folder = temporaryFolder();
for (const name of ["a", "b", "c/d", "root/in", "empty"]) mkdirSync(join(folder, name), { recursive: true });
symlinkSync(join(folder, "a"), join(folder, "link"));
symlinkSync("../a", join(folder, "c/up"));

const at = (name: string) => join(folder, name);

describe("a call that is a story by itself", () => {
  let agent: Agent;
  let actor: Actor;
  let marks = 0;

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

  /** Makes a call; its event and the only story that tells of it. */
  async function tell(
    name: string,
    ...args: Parameters<Actor["call"]> extends [string, ...infer A] ? A : never
  ): Promise<{ event: SyscallEvent; story: StoryEvent }> {
    // what was called before is known when this is
    const marker = `marker-${marks++}`;
    await actor.call("umount2", marker, 0);
    await actor.call(name, ...args);
    const stories = () => {
      const all = storiesOf(agent, actor);
      const begin = all.findIndex(({ last }) => last.steps[0]?.args.target === marker);
      return begin < 0 ? [] : all.slice(begin + 1);
    };
    await agent.until(`a story of ${name}`, () => stories().length > 0);
    const calls = agent.syscalls(({ process }) => process.pid === actor.pid);
    const events = calls.slice(calls.findIndex(({ args }) => args.target === marker) + 1);
    assert.equal(events.length, 1);
    assert.equal(stories().length, 1);
    const [story] = stories();
    assert.equal(story?.events.length, 1);
    assert.equal(story?.last.steps.length, 1);
    assert.deepEqual(story?.last.ended, { after: events[0]?.time, before: events[0]?.time });
    return { event: events[0]!, story: story!.last };
  }

  /** Whether the agent tells the mount that is topmost at `path`, as statx(2) and findmnt(8) have it. */
  async function assertTopmost(mount: MountState | undefined, path: string, target: string): Promise<void> {
    const { said } = await actor.call("stat", AT_FDCWD, path);
    const row = actor.mountsOn(target).find(({ id }) => String(id) === said[1]);
    assert.ok(row !== undefined && mount !== undefined, `${path}: ${JSON.stringify(mount)}`);
    assert.equal(mount.id, said[0]);
    assert.equal(mount.old_id, row.id);
    assert.equal(mount.parent, row.parent);
    assert.equal(mount.dev, row["maj:min"]);
    assert.equal(mount.mountpoint, row.target);
    assert.equal(mount.root, row.fsroot);
    assert.equal(mount.fs_type, row.fstype);
    assert.deepEqual([...mount.options].sort(), row["vfs-options"].split(",").sort());
  }

  it("has the kind that the kernel makes of it", async () => {
    const told: Record<string, unknown> = {};
    const put = async (label: string, ...call: Parameters<typeof tell>) => {
      const { story } = await tell(...call);
      told[label] = [story.kind, story.state];
    };
    await put("mount", "mount", "t", at("b"), "tmpfs", MS_NOSUID, null);
    await put("bind", "mount", at("c"), at("a"), null, MS_BIND, null);
    await put("rbind", "mount", at("c"), at("a"), null, MS_BIND | MS_REC, null);
    await put("remount", "mount", "t", at("b"), null, MS_REMOUNT, "size=8k");
    await put("remount bind", "mount", null, at("a"), null, MS_REMOUNT | MS_BIND | MS_NOSUID, null);
    await put("propagation", "mount", null, at("b"), null, MS_SHARED, null);
    await put("move", "mount", at("b"), at("empty"), null, MS_MOVE, null);
    await put("move_mount", "move_mount", AT_FDCWD, at("empty"), AT_FDCWD, at("b"), 0);
    await put("attributes", "mount_setattr", AT_FDCWD, at("b"), 0, { set: ATTR_NODEV }, 32);
    await put("umount", "umount2", at("b"), 0);
    await put("no type", "mount", "t", at("b"), "nonsense", 0, null);
    await put("no target", "mount", "t", at("missing"), "tmpfs", 0, null);
    await put("busy", "umount2", "/proc/self", 0);
    await put("no move", "move_mount", AT_FDCWD, at("c"), AT_FDCWD, at("b"), 0);
    await put("no attributes", "mount_setattr", AT_FDCWD, at("c"), 0, { set: 1 << 30 }, 32);
    await put("no root", "pivot_root", at("c"), at("c"));
    await put("no context", "fsopen", "nonsense", 0);
    await put("no pick", "fspick", AT_FDCWD, at("missing"), 0);
    await put("no tree", "open_tree", AT_FDCWD, at("missing"), 1);
    assert.deepEqual(told, {
      mount: ["mount", "attached"],
      bind: ["bind", "attached"],
      rbind: ["bind", "attached"],
      remount: ["remount", "attached"],
      "remount bind": ["remount", "attached"],
      propagation: ["propagation", "attached"],
      move: ["move", "attached"],
      move_mount: ["move", "attached"],
      attributes: ["attributes", "attached"],
      umount: ["umount", "closed"],
      "no type": ["mount", "rejected"],
      "no target": ["mount", "rejected"],
      busy: ["umount", "rejected"],
      "no move": ["move", "rejected"],
      "no attributes": ["attributes", "rejected"],
      "no root": ["pivot_root", "rejected"],
      "no context": ["mount", "rejected"],
      "no pick": ["reconfigure", "rejected"],
      "no tree": ["clone", "rejected"],
    });
  });

  it("has the mount that mount(2) made, whatever way its target is named", async () => {
    // the first one in a namespace has nothing to be compared with
    await actor.ok("mount", "t", at("root"), "tmpfs", 0, null);
    const make = async (target: string) => {
      const { event, story } = await tell("mount", "p", target, "proc", MS_NOSUID, "hidepid=2,gid=7");
      assert.deepEqual(event.outcome?.mount, story.mount);
      assert.equal(event.outcome?.procfs?.hidepid, "invisible");
      assert.equal(event.outcome?.procfs?.gid, 7);
      return { mount: story.mount, resolved: event.resolved?.target };
    };
    let { mount, resolved } = await make(at("a"));
    await assertTopmost(mount, at("a"), at("a"));
    assert.equal(resolved, undefined);

    await actor.ok("chdir", at("c"));
    ({ mount, resolved } = await make("d"));
    await assertTopmost(mount, at("c/d"), at("c/d"));
    assert.equal(resolved, at("c/d"));
    ({ mount, resolved } = await make("../b/."));
    await assertTopmost(mount, at("b"), at("b"));
    assert.equal(resolved, at("b"));
    ({ mount, resolved } = await make("up"));
    await assertTopmost(mount, at("a"), at("a"));
    assert.equal(resolved, at("c/up"));
    ({ mount, resolved } = await make("d/../../b"));
    assert.equal(resolved, undefined);
    await actor.ok("umount2", at("b"), 0);

    ({ mount } = await make(at("link")));
    await assertTopmost(mount, at("a"), at("a"));

    const fd = await actor.ok("open", at("empty"), O_PATH);
    ({ mount, resolved } = await make(`/proc/self/fd/${fd}`));
    await assertTopmost(mount, at("empty"), at("empty"));
    assert.equal(resolved, at("empty"));

    await actor.ok("mkdir", join(at("root"), "in"), 0o755);
    await actor.ok("chroot", at("root"));
    ({ mount, resolved } = await make("/in"));
    await assertTopmost(mount, "/in", "/in");
    await actor.ok("chdir", "/");
    ({ mount, resolved } = await make("in"));
    await assertTopmost(mount, "/in", "/in");
    assert.equal(resolved, "/in");
  });

  it("has the mount of a bind, and of a recursive one that or none", async () => {
    await actor.ok("mount", "t", at("c/d"), "tmpfs", 0, null);
    const { story } = await tell("mount", at("c"), at("a"), null, MS_BIND, null);
    await assertTopmost(story.mount, at("a"), at("a"));
    const { story: recursive } = await tell("mount", at("c"), at("b"), null, MS_BIND | MS_REC, null);
    assert.equal(actor.mountsOn(at("b/d")).length, 1);
    if (recursive.mount !== undefined) await assertTopmost(recursive.mount, at("b"), at("b"));
  });

  it("has no mount where a descriptor came with a path to another", async () => {
    await actor.ok("mount", "t", at("b"), "tmpfs", 0, null);
    const root = await actor.ok("open", "/", O_PATH | O_DIRECTORY);
    const path = at("b").slice(1);
    const moved = await tell("move_mount", root, path, AT_FDCWD, at("empty"), F_EMPTY_PATH);
    assert.equal(moved.event.ret, 0);
    assert.equal(moved.event.outcome, undefined);
    assert.equal(moved.story.mount, undefined);
    const flags = 0x1000 | AT_SYMLINK_NOFOLLOW;
    const changed = await tell("mount_setattr", root, at("empty").slice(1), flags, { set: ATTR_NODEV }, 32);
    assert.equal(changed.event.ret, 0);
    assert.equal(changed.story.mount, undefined);
    // the tree of `/` is none of the story of the context
    const context = await actor.ok("fsopen", "tmpfs", 0);
    await actor.ok("fsconfig", context, 6, null, null, 0);
    const detached = await actor.ok("fsmount", context, 0, 0);
    await actor.ok("open_tree", detached, at("empty"), 1 | 0x1000);
    const { last } = await storyIn(agent, actor, "open", "open_tree");
    assert.equal(last.kind, "clone");
    assert.equal(last.follows, undefined);
  });

  it("tells the new root of pivot_root", async () => {
    await actor.ok("mount", "t", at("root"), "tmpfs", 0, null);
    await actor.ok("mkdir", join(at("root"), "old"), 0o755);
    const { event, story } = await tell("pivot_root", at("root"), join(at("root"), "old"));
    assert.equal(event.ret, 0);
    assert.equal(story.state, "attached");
    await assertTopmost(story.mount, "/", "/");
    assert.equal(event.outcome?.root, "/");
  });

  it("is told once for a call that is made again, and not at all for one that never ended", async () => {
    const { pid, status, stderr } = spawnSync(endings, ["seccomp-notify", at("empty")], { encoding: "utf8" });
    assert.equal(status, 0, stderr);
    const mounts = () =>
      storiesOf(agent, pid).map(({ last }) => [last.steps[0]?.args.source, last.kind, last.state]);
    await agent.until(
      "the last call",
      () =>
        agent.syscalls(({ process, args }) => process.pid === pid && args.source === "interrupted").length >
        0,
    );
    assert.deepEqual(
      mounts().filter(([, kind]) => kind === "mount"),
      [
        ["none", "mount", "attached"],
        ["refused", "mount", "rejected"],
        ["answered", "mount", "rejected"],
        ["made", "mount", "attached"],
        ["made again", "mount", "attached"],
      ],
    );
  });
});
