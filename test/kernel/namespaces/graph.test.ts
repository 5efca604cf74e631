import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { HostPath } from "../../../src/kernel/host-path.js";
import { LINK_INDEX, NS_TYPES, type NsInums, type NsType } from "../../../src/kernel/links.js";
import { nsfsSupport } from "../../../src/kernel/nsfs-support.js";
import { readNamespaces, readProcTasks } from "../../../src/kernel/proc-tasks.js";
import { NamespaceGraph } from "../../../src/namespaces/graph.js";
import { type Nested, startNested, stop } from "./nested.js";

const host = new HostPath();
const hasIds = nsfsSupport().find(({ name }) => name === "NS_GET_ID")!.supported;
let nested: Nested;
let own: NsInums;
let outer: NsInums;
let inner: NsInums;
before(async () => {
  nested = await startNested();
  own = readNamespaces(host, "self");
  outer = readNamespaces(host, nested.outer);
  inner = readNamespaces(host, nested.inner);
});
after(() => nested?.stop());

const of = (inums: NsInums, type: NsType): number => inums[LINK_INDEX[type]]!;

function observed(): NamespaceGraph {
  const graph = new NamespaceGraph({ host });
  for (const task of readProcTasks(host)) graph.observe(task);
  return graph;
}

/** The ioctls that ioctl_nsfs(2) describes, asked by Python: another program's way to the same answer. */
function askPython(pid: number, type: NsType, request: number): number {
  const script = `import fcntl,os; f=os.open("/proc/${pid}/ns/${type}",os.O_RDONLY); print(os.fstat(fcntl.ioctl(f,${request})).st_ino)`;
  return Number(execFileSync("python3", ["-c", script], { encoding: "utf8" }));
}

test("knows parent, owner, level and owner's uid of nested namespaces", () => {
  const graph = observed();
  const user = graph.get("user", of(inner, "user"))!;
  assert.equal(user.parent?.inum, of(outer, "user"));
  assert.equal(user.parent?.parent?.inum, of(own, "user"));
  assert.equal(user.level, 2);
  assert.equal(user.ownerUid, 0);
  const pid = graph.get("pid", of(inner, "pid"))!;
  assert.equal(pid.parent?.inum, of(outer, "pid"));
  assert.equal(pid.owner, user);
  assert.equal(pid.level, 2);
  assert.equal(graph.get("net", of(inner, "net"))?.owner?.inum, of(outer, "user"));
  assert.equal(graph.get("net", of(own, "net"))?.parent, null);
});

test("gives each namespace its own unique id", () => {
  const ids = [...observed().all()].map(({ id }) => id);
  if (hasIds) {
    assert.ok(ids.every((id) => id !== null && /^[1-9]\d*$/.test(id)));
    assert.equal(new Set(ids).size, ids.length);
  } else {
    assert.ok([...observed().all()].every(({ id, type }) => id === null || type === "mnt"));
  }
});

test("keeps parents and owners that have no members", () => {
  const graph = new NamespaceGraph({ host });
  graph.move(nested.inner, inner);
  const parents = [graph.get("pid", of(outer, "pid")), graph.get("user", of(own, "user"))];
  for (const parent of parents) {
    assert.equal(parent?.members, 0);
    assert.equal(parent?.live, true);
    assert.equal(parent?.resolved, true);
  }
  graph.forget(nested.inner);
  for (const parent of parents) assert.equal(parent?.live, false);
});

test("knows a namespace that only a task's children are in", async () => {
  // Without --fork unshare stays in its pid namespace, and only what it starts is in the new one.
  const script = "sleep 1000 & echo ready; wait";
  const child = spawn("unshare", ["--pid", "sh", "-c", script], { stdio: ["ignore", "pipe", "inherit"] });
  try {
    await once(child.stdout, "data");
    const inums = readNamespaces(host, child.pid!);
    const forChildren = inums[LINK_INDEX.pid_for_children]!;
    assert.notEqual(forChildren, of(inums, "pid"));
    const graph = new NamespaceGraph({ host });
    graph.move(child.pid!, inums);
    const node = graph.get("pid", forChildren)!;
    assert.deepEqual([node.members, node.awaiting, node.live, node.level], [0, 1, true, 1]);
    assert.equal(graph.get("pid", of(inums, "pid"))?.awaiting, 0);
    graph.forget(child.pid!);
    assert.deepEqual([node.awaiting, node.live], [0, false]);
  } finally {
    for (const grandchild of readFileSync(host.proc(child.pid!, "task", child.pid!, "children"), "utf8")
      .trim()
      .split(" ")) {
      process.kill(Number(grandchild), "SIGKILL");
    }
    await stop(child);
  }
});

test("tells directions", () => {
  const graph = observed();
  assert.equal(graph.relation("pid", of(own, "pid"), of(inner, "pid")), "to-descendant");
  assert.equal(graph.relation("user", of(inner, "user"), of(own, "user")), "to-ancestor");
  assert.equal(graph.relation("user", of(outer, "user"), of(inner, "user")), "to-descendant");
  assert.equal(graph.relation("net", of(own, "net"), of(inner, "net")), "host-to-container");
  assert.equal(graph.relation("mnt", of(inner, "mnt"), of(own, "mnt")), "container-to-host");
  assert.equal(graph.relation("mnt", of(inner, "mnt"), of(outer, "mnt")), "to-sibling");
  assert.equal(graph.relation("mnt", of(inner, "mnt"), of(inner, "mnt")), "same");
  assert.equal(graph.relation("pid", of(inner, "pid"), 0), "unknown");
  assert.equal(graph.relation("pid", of(inner, "pid"), 12), "unknown");
});

test("tells siblings from descendants", async () => {
  const other = await startNested();
  try {
    const graph = observed();
    const theirs = readNamespaces(host, other.inner);
    assert.equal(graph.relation("pid", of(inner, "pid"), of(theirs, "pid")), "to-sibling");
    assert.equal(graph.relation("user", of(outer, "user"), of(theirs, "user")), "to-sibling");
  } finally {
    await other.stop();
  }
});

test("knows the host's and the kernel's own namespaces", () => {
  const graph = observed();
  for (const type of NS_TYPES) {
    assert.equal(graph.isHost(type, of(own, type)), true, type);
    assert.equal(graph.isHost(type, of(outer, type)), false, type);
    assert.equal(graph.isInit(type, of(readNamespaces(host, 2), type)), true, type);
    assert.equal(graph.isInit(type, of(outer, type)), false, type);
  }
});

test("asks no more about what it knows, and holds nothing open", () => {
  const graph = observed();
  const before = readdirSync("/proc/self/fd").length;
  // These threads do not exist: to ask about their namespaces would fail, and make unresolved ones.
  for (let tid = 5_000_000; tid < 5_000_500; tid++) graph.move(tid, inner);
  assert.equal(graph.stats().unresolved, 0);
  assert.ok(graph.get("mnt", of(inner, "mnt"))!.members >= 500);
  assert.equal(readdirSync("/proc/self/fd").length, before);
});

test("a namespace whose process was gone first is resolved by the next member", () => {
  const graph = new NamespaceGraph({ host });
  graph.move(5_000_000, inner);
  assert.equal(graph.get("pid", of(inner, "pid"))?.resolved, false);
  assert.equal(graph.ref("pid", of(inner, "pid")).id, null);
  assert.equal(graph.stats().unresolved, NS_TYPES.length);
  graph.move(nested.inner, inner);
  const pid = graph.get("pid", of(inner, "pid"))!;
  assert.equal(pid.resolved, true);
  assert.equal(pid.parent?.inum, of(outer, "pid"));
  assert.equal(graph.ref("pid", pid.inum).id, pid.id);
  assert.equal(graph.stats().unresolved, 0);
  graph.forget(5_000_000);
  graph.forget(nested.inner);
  assert.deepEqual(Object.values(graph.stats().live), [0, 0, 0, 0, 0, 0, 0, 0]);
});

test("a process that has moved on does not lend its new namespaces to the old numbers", () => {
  const graph = new NamespaceGraph({ host });
  graph.move(nested.outer, inner);
  assert.equal(graph.get("pid", of(inner, "pid"))?.resolved, false);
});

test("after all members ended the same namespace is recognised by its id", () => {
  const graph = new NamespaceGraph({ host });
  graph.move(nested.inner, inner);
  const first = graph.get("pid", of(inner, "pid"))!;
  graph.forget(nested.inner);
  assert.equal(first.live, false);
  graph.move(nested.inner, inner);
  const second = graph.get("pid", of(inner, "pid"))!;
  assert.equal(second === first, hasIds);
  assert.equal(second.live, true);
});

test("a recycled inode number is another namespace", async () => {
  let clock = 1;
  const graph = new NamespaceGraph({ host, now: () => clock++ });
  const seen = new Map<number, string | null>();
  // The kernel gives out the lowest free number (ida_alloc_range() in lib/idr.c), so that it comes back soon.
  for (let round = 0; round < 20; round++) {
    const child = spawn("unshare", ["--uts", "sh", "-c", "echo ready; exec sleep 1000"], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    try {
      await once(child.stdout, "data");
      const inums = readNamespaces(host, child.pid!);
      const before = graph.get("uts", of(inums, "uts"));
      graph.move(child.pid!, inums);
      const node = graph.get("uts", of(inums, "uts"))!;
      if (before !== undefined) {
        assert.notEqual(node, before);
        assert.ok(node.firstSeen > before.firstSeen);
        if (hasIds) assert.notEqual(node.id, seen.get(node.inum));
        return;
      }
      seen.set(node.inum, node.id);
      graph.forget(child.pid!);
    } finally {
      await stop(child);
    }
  }
  assert.fail("no inode number came back in 20 rounds");
});

test("owner and parent are what the ioctls say", () => {
  const graph = observed();
  for (const type of NS_TYPES) {
    assert.equal(graph.get(type, of(inner, type))?.owner?.inum, askPython(nested.inner, type, 0xb701), type);
  }
  for (const type of ["pid", "user"] as const) {
    assert.equal(graph.get(type, of(inner, type))?.parent?.inum, askPython(nested.inner, type, 0xb702), type);
  }
});
