import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import type { FileName, MountFields, MountRecord } from "../../src/capture/mount-fields.js";
import type { MountState, StoryEvent, SyscallEvent, Unnumbered } from "../../src/event.js";
import { STORY_FIELDS } from "../../src/exposures/story-fields.js";
import type { FileState, Holder, MountFile, MountFiles } from "../../src/mounts/mount-files.js";
import { Stories } from "../../src/mounts/stories.js";
import type { Task } from "../../src/namespaces/task.js";
import { Tasks } from "../../src/namespaces/tasks.js";
import { setns } from "../publish/fixtures/events.js";

const MAKER: Task = {
  ...{ pid: 812, tid: 812, ppid: 1, start: 5n, uid: 0, gid: 0, comm: "maker", exe: null, nsPid: 812 },
  ...{ ns: [], cgroup: 0n, cgroupV1: 0n },
};
/** Longer than the time between two looks, in milliseconds. */
const A_LOOK = 250;

const NOTHING: MountFields = {
  ...{ file: null, made: null, mount: null, base: null, toBase: null, value: null, root: null },
};

/** A kernel that is asked: what it has said of files by address, and who holds them. */
class Kernel {
  readonly states = new Map<bigint, FileState>();
  holders: Holder[] = [];
  /** Records that wait in the ring. */
  isBehind = false;
  now = 1_000n;

  readonly probe = {
    states: (files: readonly MountFile[]) =>
      files.map(({ file }) => this.states.get(file) ?? { alive: true, attached: false }),
    holders: () => this.holders,
    mayAskHolders: true,
  } as unknown as MountFiles;
}

const file = (address: bigint, made: bigint, object = address * 16n): FileName => ({
  ...{ file: address, object, made },
});

function mountRecord(object: bigint): MountRecord {
  return {
    ...{ id: 77n, object, nsId: 0n, ns: 0, oldId: 5, parent: 0, flags: 0, sbFlags: 0, mounts: 0, before: 0n },
    ...{ mountPoint: null, root: "/" },
  };
}

const mountState = (mnt_ns: MountState["mnt_ns"]): MountState => ({
  ...{ id: "77", old_id: 5, parent: null, dev: "0:50", fs_type: "proc", mountpoint: null, root: "/" },
  ...{ options: ["rw"], mnt_ns },
});

let kernel: Kernel;
let tasks: Tasks;
let told: Unnumbered<StoryEvent>[];
let stories: Stories;

beforeEach(() => {
  mock.timers.enable({ apis: ["setTimeout"] });
  kernel = new Kernel();
  tasks = new Tasks();
  tasks.update(MAKER, 1n);
  told = [];
  stories = new Stories({
    tasks,
    publish: (story) => void told.push(story),
    clock: {
      now: () => kernel.now++,
      format: (time) => String(time).padStart(9, "0"),
      isApplied: () => !kernel.isBehind,
    },
    run: "run",
    onError: (error) => {
      throw error;
    },
  });
  stories.look(kernel.probe);
});

afterEach(() => {
  stories.close();
  mock.timers.reset();
});

function call(
  syscall: string,
  time: bigint,
  fields: Partial<MountFields>,
  more: Partial<SyscallEvent> = {},
): void {
  const { target: _target, changed: _changed, direction: _direction, ...event } = setns();
  const text = String(time).padStart(9, "0");
  stories.onCall({ ...event, syscall, time: text, args: {}, ...more }, { ...NOTHING, ...fields }, MAKER);
}

const CONTEXT = { via: "fscontext", fs_type: "tmpfs", purpose: "mount", user_ns: 1 } as const;

function fsopen(context: FileName, time: bigint, fs_type = "tmpfs"): void {
  call("fsopen", time, { made: context }, { ret: 3, target: { ...CONTEXT, fs_type } });
}

const last = (id = "run-0") => told.filter((story) => story.id === id).at(-1)!;
const begun = () => new Set(told.map(({ id }) => id)).size;

test("an ending that was found by looking lies between two looks", () => {
  fsopen(file(1n, 100n), 100n);
  mock.timers.tick(A_LOOK);
  const before = kernel.now;
  mock.timers.tick(A_LOOK);
  kernel.states.set(1n, { alive: false, attached: false });
  mock.timers.tick(A_LOOK);
  assert.equal(last().state, "closed");
  assert.ok(BigInt(last().ended!.after) >= before);
  assert.ok(BigInt(last().ended!.before) > BigInt(last().ended!.after));
});

test("nothing is concluded while a call that tells more waits in the ring", () => {
  fsopen(file(1n, 100n), 100n);
  call(
    "fsmount",
    101n,
    { file: file(1n, 100n), made: file(2n, 101n), mount: mountRecord(32n) },
    { ret: 4, target: CONTEXT },
  );
  kernel.isBehind = true;
  for (const address of [1n, 2n]) kernel.states.set(address, { alive: false, attached: true });
  mock.timers.tick(A_LOOK);
  mock.timers.tick(A_LOOK);
  assert.equal(last().ended, null);
  const outcome = { mount: mountState({ inum: 9, id: null }) };
  call("move_mount", 102n, { file: file(2n, 101n) }, { ret: 0, outcome });
  kernel.isBehind = false;
  mock.timers.tick(A_LOOK);
  assert.equal(last().state, "attached");
  assert.deepEqual(last().ended, { after: "000000102", before: "000000102" });
  assert.equal(begun(), 1);
});

test("a mount that was attached without a call that says so is found in its namespace", () => {
  const made = file(2n, 101n);
  fsopen(file(1n, 100n), 100n);
  call("fsmount", 101n, { file: file(1n, 100n), made, mount: mountRecord(32n) }, { ret: 4, target: CONTEXT });
  call("move_mount", 102n, {}, { ret: 0 });
  assert.equal(last().ended, null);
  kernel.states.set(2n, { alive: true, attached: true });
  mock.timers.tick(A_LOOK);
  assert.equal(last().state, "attached");
  assert.notEqual(last().ended?.after, last().ended?.before);
});

test("a mount that is moved onto a detached one goes on", () => {
  fsopen(file(1n, 100n), 100n);
  const made = file(2n, 101n);
  call("fsmount", 101n, { file: file(1n, 100n), made, mount: mountRecord(32n) }, { ret: 4, target: CONTEXT });
  call("move_mount", 102n, { file: made }, { ret: 0, outcome: { mount: mountState(null) } });
  assert.equal(last().state, "open");
  assert.equal(last().steps.length, 3);
});

test("whoever holds another file of the mount holds the story", () => {
  fsopen(file(1n, 100n), 100n);
  const made = file(2n, 101n);
  call("fsmount", 101n, { file: file(1n, 100n), made, mount: mountRecord(32n) }, { ret: 4, target: CONTEXT });
  for (const address of [1n, 2n]) kernel.states.set(address, { alive: false, attached: false });
  kernel.holders = [
    { file: 9n, object: 32n, pid: 4711, fd: 5 },
    // the address of a file that is gone, which another one has now
    { file: 2n, object: 0n, pid: 4712, fd: 6 },
  ];
  mock.timers.tick(A_LOOK);
  assert.equal(last().state, "passed");
  assert.deepEqual(last().holders, [{ pid: 4711, comm: null, fds: [5] }]);
  kernel.states.set(9n, { alive: false, attached: false });
  kernel.holders = [];
  mock.timers.tick(A_LOOK);
  assert.equal(last().state, "process-died");
});

test("of many holders and descriptors some are named and the others counted", () => {
  fsopen(file(1n, 100n), 100n);
  const made = file(2n, 101n);
  call("fsmount", 101n, { file: file(1n, 100n), made, mount: mountRecord(32n) }, { ret: 4, target: CONTEXT });
  for (const address of [1n, 2n]) kernel.states.set(address, { alive: false, attached: false });
  const holding = (pids: number) =>
    Array.from({ length: pids }, (_, pid) => ({ file: 9n, object: 32n, pid: 5000 + pid, fd: 3 }));
  const many = Array.from({ length: 20 }, (_, fd) => ({ file: 9n, object: 32n, pid: 4711, fd }));
  kernel.holders = [...many, ...holding(99)];
  mock.timers.tick(A_LOOK);
  const { holders, holders_omitted } = last();
  assert.deepEqual([holders?.length, holders_omitted], [16, 84]);
  const [first, second] = holders!;
  assert.deepEqual([first!.fds.length, first!.fds_omitted], [16, 4]);
  assert.deepEqual(second, { pid: 5000, comm: null, fds: [3] });
  const story = { story: last() as StoryEvent, isRuntime: false };
  assert.equal(STORY_FIELDS.get("story.holders")!.read(story), 100);
});

test("a file that has the address of another one is none of its story", () => {
  fsopen(file(1n, 100n), 100n);
  fsopen(file(1n, 200n), 200n);
  assert.equal(last("run-0").state, "closed");
  assert.deepEqual(last("run-0").ended, { after: "000000100", before: "000000200" });
  // a call on a file of the same address and time, but with something else behind it
  call("fsconfig", 201n, { file: file(1n, 200n, 5n) }, { ret: 0, target: CONTEXT });
  assert.equal(last("run-1").steps.length, 1);
  assert.equal(last("run-2").partial, true);
});

test("a context whose beginning nobody saw is a story in part", () => {
  call("fsconfig", 300n, { file: file(1n, 0n) }, { ret: 0, target: { ...CONTEXT, purpose: "reconfigure" } });
  call("fsconfig", 301n, { file: file(1n, 0n) }, { ret: 0, target: CONTEXT });
  assert.equal(begun(), 1);
  assert.equal(last().partial, true);
  assert.equal(last().kind, "reconfigure");
  assert.equal(last().steps.length, 2);
});

test("a descriptor that another thread has closed already was closed, not rejected", () => {
  call("fsopen", 100n, {}, { ret: 3 });
  assert.equal(last().state, "closed");
  call("open_tree", 101n, {}, { ret: 3, args: { flags: ["OPEN_TREE_CLONE"] } });
  assert.equal(last("run-1").state, "closed");
  call("open_tree", 102n, {}, { ret: 3, args: { flags: ["OPEN_TREE_NAMESPACE"] } });
  assert.equal(last("run-2").state, "attached");
});

test("the process of a maker has died when its last thread has", () => {
  tasks.update({ ...MAKER, tid: 813 }, 2n);
  fsopen(file(1n, 100n), 100n);
  tasks.exit(812);
  stories.onExit(812);
  kernel.states.set(1n, { alive: false, attached: false });
  mock.timers.tick(A_LOOK);
  assert.equal(last().state, "closed");

  fsopen(file(2n, 200n), 200n);
  tasks.exit(813);
  stories.onExit(812);
  kernel.states.set(2n, { alive: false, attached: false });
  mock.timers.tick(A_LOOK);
  assert.equal(last("run-1").state, "process-died");
});

test("stories are bounded: the oldest that is no procfs gives way, and is told", () => {
  fsopen(file(1n, 1n), 1n, "proc");
  for (let number = 2n; number <= 4097n; number++) fsopen(file(number, number), number);
  assert.deepEqual(stories.stats, { begun: 4097, open: 4096, expired: 1, evicted: 0 });
  assert.equal(last("run-0").ended, null);
  assert.equal(last("run-1").state, "expired");
});

test("stories of procfs that nobody lets go are not given up, and what finds no room is counted", () => {
  for (let number = 1n; number <= 4097n; number++) fsopen(file(number, number), number, "proc");
  assert.deepEqual(stories.stats, { begun: 4096, open: 4096, expired: 0, evicted: 1 });
});

test("steps are bounded by number and by size, and what is left out is counted", () => {
  const context = file(1n, 100n);
  fsopen(context, 100n);
  for (let step = 1; step < 100; step++)
    call(
      "fsconfig",
      100n + BigInt(step),
      { file: context },
      { ret: 0, target: CONTEXT, args: { aux: step } },
    );
  kernel.states.set(1n, { alive: false, attached: false });
  mock.timers.tick(A_LOOK);
  assert.equal(last().steps.length + last().steps_omitted!, 100);
  assert.equal(last().steps[23]?.args.aux, 23);
  assert.equal(last().steps.at(-1)?.args.aux, 99);

  const large = file(2n, 300n);
  fsopen(large, 300n);
  for (let step = 1; step <= 30; step++)
    call(
      "fsconfig",
      300n + BigInt(step),
      { file: large },
      { ret: 0, target: CONTEXT, args: { key: "k".repeat(4095), aux: step } },
    );
  kernel.states.set(2n, { alive: false, attached: false });
  mock.timers.tick(A_LOOK);
  const { steps, steps_omitted } = last("run-1");
  assert.equal(steps.length + steps_omitted!, 31);
  assert.ok(JSON.stringify(steps).length < 64 * 1024);
  assert.equal(steps.at(-1)?.args.aux, 30);
});

test("a caller that makes a million steps has them told when something comes of it", () => {
  const context = file(1n, 100n);
  fsopen(context, 100n);
  for (let step = 1n; step <= 1000n; step++)
    call("fsconfig", 100n + step, { file: context }, { ret: 0, target: CONTEXT });
  assert.equal(told.length, 16);
});
