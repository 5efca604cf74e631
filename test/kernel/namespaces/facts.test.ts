import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { after, before, test } from "node:test";
import { HostPath } from "../../../src/kernel/host-path.js";
import { LINK_INDEX, NS_TYPES } from "../../../src/kernel/links.js";
import { readMountinfo } from "../../../src/kernel/mountinfo.js";
import { mountCount as countMounts, withNamespace } from "../../../src/kernel/nsfs.js";
import { readNamespaces, readProcTasks } from "../../../src/kernel/proc-tasks.js";
import { NamespaceGraph } from "../../../src/namespaces/graph.js";
import type { Namespace } from "../../../src/namespaces/namespace.js";
import { type NodeSnapshot, takeSnapshot } from "../../../src/namespaces/snapshot.js";
import { stop } from "./nested.js";
import { DEPTH, type RunningScene, startScene } from "./scene.js";

const host = new HostPath();
let scene: RunningScene;
before(async () => {
  scene = await startScene();
});
after(() => scene?.stop());

function snapshot(): NodeSnapshot {
  const taken = takeSnapshot(host, { tasks: true });
  taken.close();
  assert.equal(taken.via, "bpf");
  return taken;
}

function describe({ type, inum, id, owner, parent, ownerUid, level }: Namespace) {
  return { type, inum, id, owner: owner?.inum, parent: parent?.inum, ownerUid, level };
}

test("BPF tells of every namespace what the ioctls of nsfs answer", (t) => {
  const told = snapshot().graph;
  // readProcTasks() tells nothing of namespaces, so that each is asked about
  const asked = new NamespaceGraph({ host });
  for (const task of readProcTasks(host)) asked.observe(task);
  const after = snapshot().graph;
  const compared = new Map<string, number>();
  for (const namespace of asked.all()) {
    const { type, inum, live, resolved } = namespace;
    const [first, second] = [told.get(type, inum), after.get(type, inum)];
    if (!live || !resolved || !first?.live || !second?.live || first.id !== second.id) continue;
    assert.deepEqual(describe(first), describe(namespace));
    compared.set(type, (compared.get(type) ?? 0) + 1);
  }
  t.diagnostic([...compared].map(([type, count]) => `${count} ${type}`).join(", "));
  assert.deepEqual([...compared.keys()].sort(), [...NS_TYPES].sort());
  assert.ok(compared.get("user")! > DEPTH && compared.get("pid")! > DEPTH);
});

test("it takes no ioctl to know them all, those above them included", () => {
  const { graph, tasks } = snapshot();
  const { unresolved } = graph.stats();
  assert.equal(unresolved, 0);
  for (const { pid, user } of scene.nested) {
    assert.equal(graph.get("pid", pid)?.resolved, true);
    assert.equal(graph.get("user", user)?.resolved, true);
  }
  assert.ok(tasks.length > 10);
});

/** Does one thing to its mount table for each line that it is sent. */
const MOUNTER = "read x; mount -t tmpfs none /mnt; echo; read x; mount -o remount,bind,ro /mnt; echo; read x";

test("the number of mounts is the kernel's own, and the count of changes goes up with each", async () => {
  const child = spawn("unshare", ["--mount", "sh", "-c", `echo; ${MOUNTER}`], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const step = async () => {
    child.stdin.write("\n");
    await once(child.stdout, "data");
  };
  const mounts = () => {
    const inum = readNamespaces(host, child.pid!)[LINK_INDEX.mnt]!;
    const { mountCount, mountEvent } = snapshot().graph.get("mnt", inum)!;
    return { count: mountCount!, event: mountEvent! };
  };
  try {
    await once(child.stdout, "data");
    const first = mounts();
    await step();
    const second = mounts();
    assert.equal(second.count, first.count + 1);
    assert.ok(second.event > first.event);
    const listed = readMountinfo(host, child.pid!)!.length;
    const asked = withNamespace(host.proc(child.pid!, "ns", "mnt"), countMounts);
    assert.equal(second.count, asked.ok ? asked.value : listed);
    // since Linux 7.0 one more lies below the root, and is not listed
    assert.ok(second.count === listed || second.count === listed + 1, `${second.count}, ${listed} listed`);
    await step();
    const third = mounts();
    assert.equal(third.count, second.count);
    assert.ok(third.event > second.event, "an attribute of a mount is a change as well");
    assert.equal(mounts().event, third.event);
  } finally {
    await stop(child);
  }
});
