import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, describe, it } from "node:test";
import { HostPath } from "../../src/kernel/host-path.js";
import type { NsType } from "../../src/kernel/links.js";
import type { NamespaceFacts } from "../../src/namespaces/facts.js";
import { NamespaceGraph } from "../../src/namespaces/graph.js";
import { Inventory } from "../../src/namespaces/inventory.js";
import type { Task } from "../../src/namespaces/task.js";
import { Tasks } from "../../src/namespaces/tasks.js";

let host: HostPath;
before(() => {
  host = new HostPath(mkdtempSync(join(tmpdir(), "keyhole-")));
  mkdirSync(host.proc());
});
after(() => rmSync(host.root, { recursive: true }));

let graph: NamespaceGraph;
beforeEach(() => {
  graph = new NamespaceGraph({ host });
});

function facts(type: NsType, inum: number, owner: number): NamespaceFacts {
  const unknown = { parent: 0, level: null, ownerUid: null, mountEvent: null, mountCount: null };
  return { type, inum, id: null, owner, ...unknown };
}

describe("Inventory", () => {
  it("hands on what its source told of namespaces, when the records before it have been applied", () => {
    const about = { start: 1n, uid: 0, gid: 0, comm: "test", exe: null, cgroup: 1n, cgroupV1: 0n };
    const ns = [10, 11, 12, 13, 14, 15, 16, 17, 14, 17];
    const task: Task = { pid: 5, tid: 5, ppid: 1, nsPid: 5, ns, ...about };
    let now = 100n;
    const inventory = new Inventory({
      source: { via: "bpf", read: () => [task], namespaces: () => [facts("net", 13, 15)] },
      tasks: new Tasks(),
      graph,
      now: () => now++,
    });
    inventory.read();
    assert.equal(inventory.settle(99n), false);
    assert.equal(graph.get("net", 13), undefined);
    assert.equal(inventory.settle(101n), true);
    assert.deepEqual(
      [graph.get("net", 13)?.resolved, graph.get("net", 13)?.members, graph.get("uts", 11)?.resolved],
      [true, 1, false],
    );
    assert.equal(graph.get("net", 13)?.owner, graph.get("user", 15));
  });
});
