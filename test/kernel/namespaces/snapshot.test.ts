import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { HostPath } from "../../../src/kernel/host-path.js";
import { NS_LINKS } from "../../../src/kernel/links.js";
import { takeSnapshot, taskReader } from "../../../src/namespaces/snapshot.js";
import { stop } from "./nested.js";
import { type RunningScene, startScene } from "./scene.js";

const host = new HostPath();
const PRINT = fileURLToPath(new URL("print-snapshot.ts", import.meta.url));

let scene: RunningScene;
before(async () => {
  scene = await startScene();
});
after(() => scene?.stop());

test("has everything that was wanted, by BPF", () => {
  const snapshot = takeSnapshot(host, { tasks: true, openFiles: true, superblocks: true, mounts: true });
  snapshot.close();
  assert.deepEqual([snapshot.via, snapshot.incomplete], ["bpf", []]);
  assert.ok(snapshot.openFiles?.ns.some(({ inum }) => inum === scene.opened.net));
  assert.ok(snapshot.superblocks?.superblocks.some(({ pidNs }) => pidNs === scene.private.pid));
  assert.equal(snapshot.tables.get(scene.private.mnt)?.complete, true);
  // of its own process there is nothing
  assert.ok(snapshot.openFiles!.ns.every(({ pid }) => pid !== process.pid));
});

/** Says in which user namespace its child is that has ended, and that it does not wait for. */
const ZOMBIE = `
import ctypes, os
if os.fork() == 0:
    ctypes.CDLL(None).unshare(0x10000000)
    print(os.stat("/proc/self/ns/user").st_ino, flush=True)
    os._exit(0)
os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)
print(flush=True)
input()
`;

test("counts a zombie in the namespaces that it has not left", async () => {
  const child = spawn("python3", ["-c", ZOMBIE], { stdio: ["pipe", "pipe", "inherit"] });
  try {
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const inum = Number((await lines.next()).value);
    await lines.next();
    const { tasks, graph, close } = takeSnapshot(host, { tasks: true, zombies: true });
    close();
    const without = takeSnapshot(host, { tasks: true });
    without.close();
    assert.equal(without.graph.get("user", inum), undefined);
    const zombie = tasks.find(({ ppid }) => ppid === child.pid);
    assert.deepEqual(
      NS_LINKS.filter((_, link) => zombie?.ns[link] !== 0),
      ["pid", "user"],
    );
    assert.deepEqual([graph.get("user", inum)?.members, graph.get("user", inum)?.level], [1, 1]);
  } finally {
    await stop(child);
  }
});

test("has nothing that was not wanted", () => {
  const snapshot = takeSnapshot(host, { tasks: true });
  snapshot.close();
  assert.deepEqual([snapshot.openFiles, snapshot.superblocks, [...snapshot.tables.all()]], [null, null, []]);
  assert.deepEqual(snapshot.incomplete, []);
  assert.equal(snapshot.graph.get("net", scene.bound), undefined);
});

test("says what it cannot know without BPF, and finds the rest", () => {
  const words = ["--bounding-set=-sys_admin,-bpf,-perfmon", process.execPath, "--import", "tsx", PRINT];
  const { via, incomplete, namespaces } = JSON.parse(
    execFileSync("setpriv", words, { encoding: "utf8", maxBuffer: 1 << 28 }),
  );
  assert.equal(via, "proc");
  assert.equal(incomplete.length, 3, incomplete.join("; "));
  const find = (inum: number) => namespaces.find((one: { readonly inum: number }) => one.inum === inum);
  // nobody says who owns what only a descriptor or a mount holds
  const unknown = { members: 0, resolved: false, owner: null, parent: null };
  assert.deepEqual(find(scene.opened.net), {
    type: "net",
    inum: scene.opened.net,
    fds: 1,
    binds: 0,
    ...unknown,
  });
  assert.deepEqual(find(scene.private.uts), {
    type: "uts",
    inum: scene.private.uts,
    fds: 0,
    binds: 1,
    ...unknown,
  });
  assert.ok(find(scene.bound).binds >= 2);
  const [outer, inner] = scene.nested.slice(-2);
  assert.equal(find(inner!.pid).parent, outer!.pid);
  assert.equal(find(inner!.pid).owner, inner!.user);
});

test("a reader of tasks alone reads them again and again", () => {
  const reader = taskReader();
  try {
    for (let round = 0; round < 3; round++) {
      assert.ok(reader.read().some(({ tid }) => tid === scene.thread.tid));
      assert.ok(reader.namespaces.some(({ inum }) => inum === scene.thread.uts));
    }
  } finally {
    reader.close();
  }
});
