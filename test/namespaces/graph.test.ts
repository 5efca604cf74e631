import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { HostPath } from "../../src/kernel/host-path.js";
import { NS_TYPES, type NsInums } from "../../src/kernel/links.js";
import { NamespaceGraph } from "../../src/namespaces/graph.js";

/** A root without a /proc: nothing can be asked, and everything stays unresolved. */
let host: HostPath;
before(() => {
  host = new HostPath(mkdtempSync(join(tmpdir(), "keyhole-")));
});
after(() => rmSync(host.root, { recursive: true }));

/** Ten inode numbers, each type's own, of the container with this number. */
function inums(container: number): NsInums {
  const own = NS_TYPES.map((_, index) => 1000 * container + index);
  return [...own, own[4]!, own[7]!];
}

test("counts members by namespace as they come, move and go", () => {
  const graph = new NamespaceGraph({ host });
  graph.move(1, inums(1));
  graph.move(2, inums(1));
  assert.equal(graph.get("mnt", 1000)?.members, 2);
  graph.move(2, inums(2));
  assert.equal(graph.get("mnt", 1000)?.members, 1);
  assert.equal(graph.get("mnt", 2000)?.members, 1);
  graph.move(2, [...inums(2)]);
  assert.equal(graph.get("mnt", 2000)?.members, 1);
  graph.forget(2);
  graph.forget(2);
  assert.deepEqual([graph.get("mnt", 2000)?.members, graph.get("mnt", 2000)?.live], [0, false]);
  assert.deepEqual([...graph.tids()], [1]);
});

test("a task that only changes one namespace stays in the others", () => {
  const graph = new NamespaceGraph({ host });
  const before = inums(1);
  graph.move(1, before);
  const uts = graph.get("uts", 1001);
  graph.move(1, before.with(0, 77));
  assert.equal(graph.get("uts", 1001), uts);
  assert.equal(uts?.members, 1);
  assert.equal(graph.get("mnt", 1000)?.live, false);
  assert.equal(graph.get("mnt", 77)?.live, true);
});

test("what is not known (0) is no namespace", () => {
  const graph = new NamespaceGraph({ host });
  graph.move(
    1,
    inums(1).map((inum, index) => (index === 3 ? 0 : inum)),
  );
  assert.equal(graph.get("net", 0), undefined);
  assert.deepEqual(
    Object.keys(graph.refs(inums(1).with(3, 0))),
    NS_TYPES.filter((type) => type !== "net"),
  );
  graph.move(1, inums(1));
  assert.equal(graph.get("net", 1003)?.members, 1);
  graph.forget(1);
  assert.equal(graph.get("net", 1003)?.members, 0);
});

test("remembers only so many that ended, and counts the others", () => {
  const graph = new NamespaceGraph({ host, maxEnded: 16 });
  for (let container = 1; container <= 10; container++) {
    graph.move(container, inums(container));
    graph.forget(container);
  }
  assert.deepEqual(graph.stats(), {
    live: { mnt: 0, uts: 0, ipc: 0, net: 0, pid: 0, user: 0, cgroup: 0, time: 0 },
    members: 0,
    empty: 0,
    unresolved: 0,
    ended: 16,
    evicted: 64,
  });
  assert.equal([...graph.all()].length, 16);
  assert.equal(graph.get("mnt", 1000), undefined);
  assert.notEqual(graph.get("mnt", 10_000), undefined);
});

test("never forgets one that is held", () => {
  const graph = new NamespaceGraph({ host, maxEnded: 0 });
  for (let container = 1; container <= 10; container++) graph.move(container, inums(container));
  for (let container = 1; container <= 9; container++) graph.forget(container);
  assert.equal([...graph.all()].length, 8);
  assert.ok([...graph.all()].every(({ live, members }) => live && members === 1));
});

test("says where children will be born only where that is another place", () => {
  const graph = new NamespaceGraph({ host });
  graph.move(1, inums(1).with(8, 500));
  assert.deepEqual([graph.get("pid", 500)?.awaiting, graph.get("pid", 500)?.members], [1, 0]);
  assert.equal(graph.get("pid", 1004)?.awaiting, 0);
  graph.forget(1);
  assert.equal(graph.get("pid", 500)?.live, false);
});

test("a namespace out of its sight is named without an id", () => {
  const graph = new NamespaceGraph({ host });
  assert.deepEqual(graph.ref("net", 123), { inum: 123, id: null });
  graph.move(1, inums(1));
  assert.equal(graph.ref("net", 1003), graph.ref("net", 1003));
});

test("without kthreadd in sight the initial namespaces are those with fixed numbers", () => {
  const graph = new NamespaceGraph({ host });
  assert.equal(graph.isInit("pid", 0xeffffffc), true);
  assert.equal(graph.isInit("user", 0xeffffffd), true);
  assert.equal(graph.isInit("mnt", 0), false);
  assert.equal(graph.isHost("uts", 0xeffffffe), true);
  assert.equal(graph.isHost("uts", 1001), false);
});

test("does not guess a direction it cannot prove", () => {
  const graph = new NamespaceGraph({ host });
  graph.move(1, inums(1));
  graph.move(2, inums(2));
  assert.equal(graph.relation("pid", 1004, 2004), "unknown");
  assert.equal(graph.relation("net", 1003, 2003), "to-sibling");
  assert.equal(graph.relation("pid", 1004, 1004), "same");
});
