import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { after, before, test } from "node:test";
import { HostPath } from "../../../src/kernel/host-path.js";
import type { NsType } from "../../../src/kernel/links.js";
import { readProcTasks } from "../../../src/kernel/proc-tasks.js";
import { Probes } from "../../../src/mounts/probes.js";
import { NamespaceGraph } from "../../../src/namespaces/graph.js";
import type { Namespace } from "../../../src/namespaces/namespace.js";
import { nsMountsOf } from "../../../src/namespaces/ns-holders.js";
import { readProcOpenFiles } from "../../../src/namespaces/proc-open-files.js";
import { takeSnapshot } from "../../../src/namespaces/snapshot.js";
import { stop } from "./nested.js";
import { type RunningScene, startScene } from "./scene.js";

const host = new HostPath();
let scene: RunningScene;
let probes: Probes;
before(async () => {
  scene = await startScene();
  const opened = Probes.open(host);
  assert.ok(opened?.openFiles && opened.nsHolders, "this kernel refuses the programs of bpf/probes.bpf.c");
  probes = opened;
});
after(async () => {
  probes?.close();
  await scene?.stop();
});

function look(graph: NamespaceGraph): void {
  graph.look({
    files: probes.openFiles!.read(),
    mounts: probes.nsHolders!.read(),
    superblocks: probes.superblocks.read().superblocks,
  });
}

function holders(namespace: Namespace | undefined): Partial<Namespace> | null {
  if (namespace === undefined) return null;
  const { live, members, awaiting, fds, sockets, binds, procfs } = namespace;
  const counts = { members, awaiting, fds, sockets, binds, procfs };
  return { live, ...Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0)) };
}

test("finds what no process is in, and what holds it, until that lets go", async () => {
  let clock = 1_000;
  const graph = new NamespaceGraph({ host, now: () => clock });
  const get = (type: NsType, inum: number) => graph.get(type, inum);
  for (const task of readProcTasks(host)) graph.observe(task);
  assert.equal(get("net", scene.opened.net), undefined);
  clock = 2_000;
  look(graph);
  const opened = get("net", scene.opened.net)!;
  const user = get("user", scene.opened.user)!;
  const bound = get("net", scene.bound)!;
  const { binds, ...others } = holders(bound)!;
  assert.deepEqual(others, { live: true });
  // with the copy of the mount in the private mount namespace, and in any other that somebody makes meanwhile
  assert.ok(binds! >= 2, `${binds} mounts`);
  assert.deepEqual(holders(get("uts", scene.private.uts)), { live: true, binds: 1 });
  assert.deepEqual(holders(get("pid", scene.private.pid)), { live: true, procfs: 1 });
  assert.deepEqual(holders(opened), { live: true, fds: 1 });
  assert.deepEqual(holders(get("ipc", scene.opened.ipc)), { live: true, fds: 1 });
  assert.deepEqual(holders(get("net", scene.socket)), { live: true, sockets: 1 });
  assert.deepEqual(holders(user), { live: true });
  assert.equal(opened.owner, user);
  assert.equal(user.level, 1);
  assert.equal(user.ownerUid, 0);
  assert.equal(get("pid", scene.private.pid)?.level, 1);
  assert.equal(get("pid", scene.private.pid)?.parent?.level, 0);
  assert.equal(graph.stats().unresolved, 0);
  assert.equal(opened.death, null);
  assert.equal(opened.firstSeen, 2_000);

  clock = 3_000;
  look(graph);
  assert.equal(get("net", scene.opened.net), opened);
  await scene.close();
  clock = 4_000;
  look(graph);
  for (const gone of [opened, user, get("net", scene.socket)!]) {
    assert.deepEqual(holders(gone), { live: false });
    assert.deepEqual(gone.death, { after: 3_000, before: 4_000 });
    assert.equal(gone.lastSeen, 3_000);
  }

  await scene.unmount();
  clock = 5_000;
  look(graph);
  assert.equal(bound.live, true);
  assert.deepEqual(holders(get("uts", scene.private.uts)), { live: false });
  assert.deepEqual(holders(get("pid", scene.private.pid)), { live: false });
  const { id } = get("mnt", scene.private.mnt)!;
  const after = takeSnapshot(host, { tasks: true, openFiles: true });
  after.close();
  assert.notEqual(after.graph.get("mnt", scene.private.mnt)?.id ?? null, id);
});

test("finds descriptors and mounts without BPF as well", async () => {
  const other = await startScene();
  try {
    const files = readProcOpenFiles(host).ns.filter(({ inum }) => Object.values(other.opened).includes(inum));
    assert.deepEqual(files.map(({ type, inum }) => [type, inum]).sort(), [
      ["ipc", other.opened.ipc],
      ["net", other.opened.net],
    ]);
    const snapshot = takeSnapshot(host, { tasks: true, mounts: true });
    const { mounts } = nsMountsOf(snapshot.tables.all());
    snapshot.close();
    const found = (inum: number) => mounts.filter((mount) => mount.inum === inum);
    assert.deepEqual(
      found(other.bound)
        .map(({ type, ns }) => [type, ns === other.private.mnt])
        .sort(),
      [
        ["net", false],
        ["net", true],
      ],
    );
    assert.deepEqual(
      found(other.private.uts).map(({ type, ns }) => [type, ns]),
      [["uts", other.private.mnt]],
    );
    // and that is what the kernel's own list has
    const listed = probes.nsHolders!.read().mounts;
    for (const { type, inum, ns, mount } of [...found(other.bound), ...found(other.private.uts)]) {
      assert.ok(
        listed.some((one) => one.type === type && one.inum === inum && one.ns === ns && one.mount === mount),
        `${type}:[${inum}] in mnt:[${ns}]`,
      );
    }
  } finally {
    await other.stop();
  }
});

test("a thread is in the namespaces of its own, and its process in those of the leader", () => {
  const snapshot = takeSnapshot(host, { tasks: true });
  snapshot.close();
  const { pid, tid, uts } = scene.thread;
  assert.deepEqual(holders(snapshot.graph.get("uts", uts)), { live: true, members: 1 });
  assert.deepEqual(
    snapshot.tasks.filter((task) => task.pid === pid).map((task) => task.tid),
    [pid, tid],
  );
});

test("a process with very many descriptors is told in part, and the rest is counted", async () => {
  const before = probes.openFiles!.read().skipped;
  const script =
    "import os; fds = [os.open('/proc/self/ns/uts', 0) for _ in range(1500)]; print(flush=True); input()";
  const child = spawn("sh", ["-c", 'ulimit -n 2000; exec python3 -c "$0"', script], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  try {
    await once(child.stdout, "data");
    const { ns, skipped } = probes.openFiles!.read();
    assert.equal(ns.filter(({ pid }) => pid === child.pid).length, 1024);
    assert.equal(skipped - before, 1500 - 1024);
  } finally {
    await stop(child);
  }
  assert.equal(probes.openFiles!.read().skipped, before);
});
