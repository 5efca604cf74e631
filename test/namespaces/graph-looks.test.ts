import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, describe, it } from "node:test";
import { HostPath } from "../../src/kernel/host-path.js";
import { NS_TYPES, type NsInums, type NsType } from "../../src/kernel/links.js";
import type { NamespaceFacts } from "../../src/namespaces/facts.js";
import { NamespaceGraph } from "../../src/namespaces/graph.js";
import type { Holdings } from "../../src/namespaces/holdings.js";
import type { Task } from "../../src/namespaces/task.js";

/** A root without a /proc: nothing can be asked, and what is known was told. */
let host: HostPath;
before(() => {
  host = new HostPath(mkdtempSync(join(tmpdir(), "keyhole-")));
});
after(() => rmSync(host.root, { recursive: true }));

let clock: number;
let graph: NamespaceGraph;
beforeEach(() => {
  clock = 1_000;
  graph = new NamespaceGraph({ host, now: () => clock, maxEnded: 16 });
});

/** Ten inode numbers, each type's own, of the container with this number. */
function inums(container: number): NsInums {
  const own = NS_TYPES.map((_, index) => 1000 * container + index);
  return [...own, own[4]!, own[7]!];
}

function task(tid: number, ns: NsInums): Task {
  const about = { start: 1n, uid: 0, gid: 0, comm: "test", exe: null, cgroup: 1n, cgroupV1: 0n };
  return { pid: tid, tid, ppid: 1, nsPid: tid, ns, ...about };
}

function facts(type: NsType, inum: number, more: Partial<NamespaceFacts> = {}): NamespaceFacts {
  const unknown = { parent: 0, level: null, ownerUid: null, mountEvent: null, mountCount: null };
  return { type, inum, id: String(inum), owner: 0, ...unknown, ...more };
}

const NOTHING: Holdings = { files: null, mounts: null, superblocks: null };

function open(...inums: readonly (readonly [NsType, number])[]): Holdings {
  const ns = inums.map(([type, inum]) => ({ pid: 5, fd: 3, type, inum, id: null, socket: false }));
  return { ...NOTHING, files: { ns, namespaces: [] } };
}

describe("what an inventory tells", () => {
  it("makes whole namespaces without asking, with those above them that no task is in", () => {
    const told = [
      facts("pid", 1004, { owner: 501, parent: 500, level: 1 }),
      facts("pid", 500, { owner: 502, level: 0 }),
      facts("user", 501, { owner: 502, parent: 502, level: 1, ownerUid: 1000 }),
      facts("user", 502, { level: 0, ownerUid: 0 }),
      facts("mnt", 1000, { owner: 501, mountEvent: 7n, mountCount: 3 }),
    ];
    graph.takeInventory([task(1, inums(1))], [], told);
    const pid = graph.get("pid", 1004)!;
    assert.deepEqual([pid.resolved, pid.level, pid.id], [true, 1, "1004"]);
    assert.equal(pid.parent, graph.get("pid", 500));
    assert.equal(pid.owner?.ownerUid, 1000);
    assert.equal(pid.owner?.parent?.inum, 502);
    assert.deepEqual([pid.owner?.live, pid.owner?.members], [true, 0]);
    const mnt = graph.get("mnt", 1000)!;
    assert.deepEqual([mnt.mountEvent, mnt.mountCount, mnt.owner], [7n, 3, pid.owner]);
    graph.takeInventory(
      [task(1, inums(1))],
      [],
      [facts("mnt", 1000, { owner: 501, mountEvent: 9n, mountCount: 4 })],
    );
    assert.deepEqual([graph.get("mnt", 1000)?.mountEvent, graph.get("mnt", 1000)?.mountCount], [9n, 4]);
    assert.equal(graph.get("mnt", 1000), mnt);
  });

  it("resolves what could not be asked about when it was first seen", () => {
    graph.observe(task(1, inums(1)));
    assert.equal(graph.stats().unresolved, 8);
    graph.takeInventory(
      [task(1, inums(1))],
      [],
      [facts("net", 1003, { owner: 501 }), facts("user", 501, { owner: 0, level: 0, ownerUid: 0 })],
    );
    assert.equal(graph.stats().unresolved, 7);
    assert.equal(graph.get("net", 1003)?.owner, graph.get("user", 501));
    assert.equal(graph.get("user", 501)?.live, true);
    graph.forget(1);
    assert.equal(graph.get("user", 501)?.live, false);
  });

  it("takes another id for another namespace, although events were lost that should have told it", () => {
    const ns = inums(1);
    graph.expectInventory();
    graph.takeInventory([task(1, ns)], [], [facts("uts", 1001, { id: "7" })]);
    const old = graph.get("uts", 1001)!;
    clock = 2_000;
    graph.expectInventory();
    graph.takeInventory([task(2, ns)], [1], [facts("uts", 1001, { id: "8" })]);
    const now = graph.get("uts", 1001)!;
    assert.notEqual(now, old);
    assert.deepEqual([old.live, old.members, old.death], [false, 0, { after: 1_000, before: 2_000 }]);
    assert.deepEqual([now.id, now.members, now.firstSeen], ["8", 1, 2_000]);
  });

  it("does not take what an event told meanwhile back", () => {
    const ns = inums(1);
    graph.expectInventory();
    graph.identify("uts", 1001, "9");
    graph.observe(task(2, ns));
    graph.takeInventory([task(2, ns)], [], [facts("uts", 1001, { id: "8" })]);
    assert.deepEqual([graph.get("uts", 1001)?.id, graph.get("uts", 1001)?.members], ["9", 1]);
  });

  it("says between when and when a namespace has ended that no event told of", () => {
    graph.takeInventory([task(1, inums(1))], [], []);
    clock = 6_000;
    graph.takeInventory([task(1, inums(1))], [], []);
    clock = 11_000;
    graph.takeInventory([], [1], []);
    const net = graph.get("net", 1003)!;
    assert.deepEqual(net.death, { after: 6_000, before: 11_000 });
    assert.deepEqual([net.firstSeen, net.lastSeen], [1_000, 6_000]);
  });

  it("does not let it have ended before it was seen", () => {
    clock = 3_000;
    graph.observe(task(1, inums(1)));
    clock = 6_000;
    graph.takeInventory([], [1], []);
    assert.deepEqual(graph.get("net", 1003)?.death, { after: 3_000, before: 6_000 });
  });
});

describe("what events tell", () => {
  it("says when the last task left", () => {
    graph.observe(task(1, inums(1)));
    graph.observe(task(2, inums(1)));
    clock = 2_000;
    graph.forget(1);
    assert.equal(graph.get("net", 1003)?.death, null);
    clock = 3_000;
    graph.forget(2);
    assert.deepEqual(graph.get("net", 1003)?.death, { after: 3_000, before: 3_000 });
  });

  it("says which call made a namespace, and keeps to the first", () => {
    const birth = { call: "unshare", pid: 1, time: 900 };
    graph.born(["net", "pid"], inums(1).with(8, 77), birth);
    graph.observe(task(1, inums(1).with(8, 77)));
    graph.born(["net"], inums(1), { ...birth, call: "clone" });
    assert.equal(graph.get("net", 1003)?.birth, birth);
    assert.equal(graph.get("pid", 77)?.birth, birth);
    assert.equal(graph.get("pid", 1004)?.birth, null);
    assert.equal(graph.get("uts", 1001)?.birth, null);
  });
});

describe("threads", () => {
  const thread = (tid: number, pid: number, ns: NsInums): Task => ({ ...task(tid, ns), pid });
  const members = () => [graph.get("net", 1003)?.members ?? 0, graph.get("net", 77)?.members ?? 0];
  const elsewhere = inums(1).with(3, 77);

  it("count where they are elsewhere than their leader, and else with it", () => {
    graph.observe(task(1, inums(1)));
    graph.observe(thread(2, 1, inums(1)));
    graph.observe(thread(3, 1, elsewhere));
    assert.deepEqual(members(), [1, 1]);
    graph.observe(thread(3, 1, inums(1)));
    assert.deepEqual(members(), [1, 0]);
    graph.observe(thread(2, 1, elsewhere));
    assert.deepEqual(members(), [1, 1]);
    assert.deepEqual([...graph.tids()].sort(), [1, 2, 3]);
    for (const tid of [3, 2, 1]) graph.forget(tid);
    assert.deepEqual(members(), [0, 0]);
    assert.deepEqual([...graph.tids()], []);
  });

  it("stay where they are when their leader moves on, or ends before them", () => {
    graph.observe(task(1, inums(1)));
    graph.observe(thread(2, 1, inums(1)));
    graph.observe(task(1, elsewhere));
    assert.deepEqual(members(), [1, 1]);
    assert.equal(graph.get("net", 1003)?.death, null);
    graph.observe(thread(2, 1, elsewhere));
    assert.deepEqual(members(), [0, 1]);
    graph.forget(1);
    assert.deepEqual(members(), [0, 1]);
    assert.equal(graph.get("net", 77)?.live, true);
    graph.forget(2);
    assert.equal(graph.get("net", 77)?.live, false);
  });

  it("count alone as long as their leader is not known", () => {
    graph.observe(thread(2, 1, inums(1)));
    assert.deepEqual(members(), [1, 0]);
    graph.observe(task(1, inums(1)));
    graph.observe(thread(2, 1, inums(1)));
    assert.deepEqual(members(), [1, 0]);
    graph.forget(1);
    graph.forget(2);
    assert.deepEqual(members(), [0, 0]);
  });
});

describe("what is found to hold a namespace", () => {
  it("keeps it alive when its last task has gone, until a look finds it no more", () => {
    graph.observe(task(1, inums(1)));
    graph.look(open(["net", 1003], ["net", 1003], ["uts", 1001]));
    const net = graph.get("net", 1003)!;
    assert.deepEqual([net.fds, net.members], [2, 1]);
    clock = 2_000;
    graph.forget(1);
    assert.deepEqual([net.live, net.death, graph.get("mnt", 1000)?.live], [true, null, false]);
    clock = 3_000;
    graph.look(open(["uts", 1001]));
    assert.deepEqual([net.live, net.fds, net.death], [false, 0, { after: 2_000, before: 3_000 }]);
    assert.equal(graph.get("uts", 1001)?.live, true);
    assert.equal(graph.stats().empty, 1);
  });

  it("brings back what seemed to have ended with its last task", () => {
    graph.observe(task(1, inums(1)));
    graph.forget(1);
    const net = graph.get("net", 1003)!;
    assert.equal(net.live, false);
    graph.look(open(["net", 1003]));
    assert.equal(graph.get("net", 1003), net);
    assert.deepEqual([net.live, net.death, net.firstSeen], [true, null, 1_000]);
  });

  it("leaves what could not be looked at as it was", () => {
    const superblocks = [{ pidNs: 77 }, { pidNs: 77 }];
    graph.look({ ...open(["net", 1003]), superblocks });
    graph.look({ ...NOTHING, superblocks });
    assert.deepEqual([graph.get("net", 1003)?.fds, graph.get("pid", 77)?.procfs], [1, 2]);
    graph.look({ ...NOTHING, superblocks: [] });
    assert.deepEqual([graph.get("net", 1003)?.live, graph.get("pid", 77)?.live], [true, false]);
  });

  it("is bounded in what it remembers, and counts the rest", () => {
    for (let round = 0; round < 30; round++) graph.look(open(["net", 5000 + round]));
    const { live, ended, evicted } = graph.stats();
    assert.deepEqual([live.net, ended, evicted], [1, 16, 13]);
  });
});
