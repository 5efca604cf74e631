import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Task } from "../../src/namespaces/task.js";
import { Tasks } from "../../src/namespaces/tasks.js";

function task(parts: Partial<Task> & { tid: number }): Task {
  return {
    pid: parts.tid,
    ppid: 1,
    start: 10n,
    uid: 0,
    gid: 0,
    comm: "test",
    exe: null,
    nsPid: parts.tid,
    ns: [1, 2, 3, 4, 5, 6, 7, 8, 5, 8],
    cgroup: 1n,
    cgroupV1: 0n,
    ...parts,
  };
}

const MOVED = [9, 2, 3, 4, 5, 6, 7, 8, 5, 8];

describe("Tasks", () => {
  it("gives a child the executable of the task that made it, until it has its own", () => {
    const tasks = new Tasks();
    tasks.exec(task({ tid: 50, exe: "/bin/sh" }), 50, 1n);
    assert.equal(tasks.fork(task({ tid: 51, ppid: 50 }), 50, 2n).exe, "/bin/sh");
    assert.equal(tasks.exec(task({ tid: 51, ppid: 50, exe: "/bin/true" }), 51, 3n).exe, "/bin/true");
  });

  it("does not take another process with the same pid for the one it knew", () => {
    const tasks = new Tasks();
    tasks.update(task({ tid: 50, start: 10n }), 1n);
    assert.equal(tasks.of({ tid: 50, pid: 50, start: 11n }), undefined);
    assert.equal(tasks.of({ tid: 50, pid: 50, start: 10n })?.tid, 50);
  });

  it("answers for a thread that it has no entry of with its leader", () => {
    const tasks = new Tasks();
    tasks.update(task({ tid: 50 }), 1n);
    assert.equal(tasks.of({ tid: 77, pid: 50, start: 10n })?.tid, 50);
  });

  it("takes the thread that called execve(2) away with its old tid", () => {
    const tasks = new Tasks();
    tasks.update(task({ tid: 50 }), 1n);
    tasks.fork(task({ tid: 51, pid: 50 }), 50, 2n);
    tasks.exec(task({ tid: 50, exe: "/bin/true" }), 51, 3n);
    assert.equal(tasks.get(51), undefined);
    assert.equal(tasks.get(50)?.exe, "/bin/true");
  });

  it("says nothing about before when what it knows is from after", () => {
    const tasks = new Tasks();
    tasks.reconcile([task({ tid: 50 })], 100n);
    assert.equal(tasks.before({ tid: 50, pid: 50, start: 10n }, 99n), undefined);
    assert.equal(tasks.before({ tid: 50, pid: 50, start: 10n }, 101n)?.tid, 50);
  });

  it("counts what an inventory corrects, by cause", () => {
    const tasks = new Tasks();
    tasks.update(task({ tid: 50 }), 1n);
    tasks.update(task({ tid: 51 }), 1n);
    const corrections = tasks.reconcile([task({ tid: 50, ns: MOVED }), task({ tid: 52 })], 10n);
    assert.deepEqual(corrections, { appeared: 1, vanished: 1, moved: 1 });
    assert.equal(tasks.get(51), undefined);
    assert.deepEqual(tasks.get(50)?.ns, MOVED);
  });

  it("keeps what records told while an inventory was read", () => {
    const tasks = new Tasks();
    tasks.update(task({ tid: 50 }), 1n);
    tasks.update(task({ tid: 51 }), 1n);
    tasks.expectInventory();
    tasks.exit(51);
    tasks.fork(task({ tid: 52 }), 50, 11n);
    tasks.update(task({ tid: 50, ns: MOVED }), 12n);
    const corrections = tasks.reconcile([task({ tid: 50 }), task({ tid: 51 })], 10n);
    assert.deepEqual(corrections, { appeared: 0, vanished: 0, moved: 0 });
    assert.deepEqual([...tasks.values()].map(({ tid }) => tid).sort(), [50, 52]);
    assert.deepEqual(tasks.get(50)?.ns, MOVED);
  });

  it("does not take back a task that has ended and is listed until it is reaped, but another with its tid", () => {
    const tasks = new Tasks();
    tasks.update(task({ tid: 50 }), 1n);
    tasks.exit(50);
    assert.equal(tasks.reconcile([task({ tid: 50 })], 10n).appeared, 0);
    assert.equal(tasks.get(50), undefined);
    assert.equal(tasks.reconcile([task({ tid: 50, start: 99n })], 20n).appeared, 1);
  });

  it("gives a thread that the inventory no longer lists the namespaces of its leader", () => {
    const tasks = new Tasks();
    tasks.update(task({ tid: 50 }), 1n);
    tasks.update(task({ tid: 51, pid: 50, ns: MOVED }), 1n);
    assert.equal(tasks.reconcile([task({ tid: 50 })], 10n).moved, 1);
    assert.deepEqual(tasks.get(51)?.ns, task({ tid: 50 }).ns);
  });

  it("is bounded, and counts what it turned away", () => {
    const tasks = new Tasks(2);
    for (const tid of [50, 51, 52]) tasks.update(task({ tid }), 1n);
    tasks.update(task({ tid: 50, ns: MOVED }), 2n);
    assert.equal(tasks.size, 2);
    assert.equal(tasks.refused, 1);
    assert.deepEqual(tasks.get(50)?.ns, MOVED);
  });
});
