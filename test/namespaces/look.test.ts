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
import { Look, type LookSources } from "../../src/namespaces/look.js";
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

describe("Look", () => {
  function sources(reads: { count: number }): LookSources {
    const file = { pid: 5, fd: 3, type: "net" as const, inum: 77, id: null, socket: false };
    return {
      openFiles: {
        read() {
          reads.count++;
          const until = performance.now() + 5;
          while (performance.now() < until);
          return { ns: [file], procfs: [], namespaces: [facts("net", 77, 15)], skipped: 0 };
        },
      },
      nsHolders: null,
      superblocks: { read: () => ({ superblocks: [], complete: true }) },
    };
  }

  it("tells the graph what it finds, and rests by what that cost", () => {
    const reads = { count: 0 };
    const look = new Look(host, graph, null);
    look.take(sources(reads));
    look.take(sources(reads));
    // 5 ms are followed by 2.5 s
    assert.deepEqual([reads.count, look.count], [1, 1]);
    assert.deepEqual([graph.get("net", 77)?.fds, graph.get("net", 77)?.owner?.inum], [1, 15]);
    assert.equal(look.openFiles?.ns.length, 1);
  });

  it("takes what /proc and mount tables show where there is no BPF", () => {
    const mount = { fsType: "nsfs", root: "uts:[78]", id: 30 };
    const tables = { all: () => [{ ns: 9, mounts: [mount, { ...mount, fsType: "ext4", root: "/" }] }] };
    const look = new Look(host, graph, tables);
    look.take({ openFiles: null, nsHolders: null, superblocks: null });
    assert.deepEqual([graph.get("uts", 78)?.binds, graph.get("uts", 78)?.live], [1, true]);
    assert.equal(graph.stats().live.uts, 1);
  });
});
