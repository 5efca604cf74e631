import assert from "node:assert/strict";
import { test } from "node:test";
import { findPidNamespaces, type PidNamespaceSources } from "../../src/commands/pid-namespaces.js";
import { parsePidQuestion } from "../../src/commands/pid-question.js";
import type { ContainerRef } from "../../src/event.js";
import { LINK_INDEX } from "../../src/kernel/links.js";
import type { Namespace } from "../../src/namespaces/namespace.js";
import type { Task } from "../../src/namespaces/task.js";

const HOST = 100;
const IDS: Readonly<Record<number, string>> = { 100: "7", 200: "21", 300: "22", 400: "200" };

function task(pid: number, pidNs: number, start: number, tid = pid): Task {
  const ns = Array(10).fill(1).with(LINK_INDEX.pid, pidNs);
  const about = { ppid: 1, uid: 0, gid: 0, comm: "x", exe: null, nsPid: 1, cgroup: 1n, cgroupV1: 0n };
  return { pid, tid, start: BigInt(start), ns, ...about };
}

const POD = { uid: "5c0a-11", namespace: "shop", name: "web" };
const APP: ContainerRef = { id: "70dfa".padEnd(64, "0"), runtime: null, name: "app", image: null, pod: POD };
const PAUSE: ContainerRef = {
  id: "70dfb".padEnd(64, "0"),
  runtime: null,
  name: "pause",
  image: null,
  pod: POD,
};
const HOST_PID: ContainerRef = {
  id: "e1".padEnd(64, "0"),
  runtime: null,
  name: "node-exporter",
  image: null,
  pod: null,
};

/** A runtime's child that waits outside, the app with a container of its own in it, a thread, a pause, a hostPID one. */
const TASKS: readonly (readonly [Task, ContainerRef | null])[] = [
  [task(1, HOST, 1), null],
  [task(12, 400, 5), APP],
  [task(10, HOST, 2), APP],
  [task(11, 200, 3), APP],
  [task(11, 200, 3, 13), APP],
  [task(20, 300, 4), PAUSE],
  [task(30, HOST, 6), HOST_PID],
  [task(99, 0, 7), null],
];
const SOURCES: PidNamespaceSources = {
  tasks: TASKS.map(([one]) => one),
  graph: {
    get: (_type, inum) => ({ id: IDS[inum] ?? null }) as Namespace,
    isHost: (_type, inum) => inum === HOST,
  },
  containerOf: (asked) => TASKS.find(([one]) => one === asked)![1],
};

const found = (name: string): number[] => findPidNamespaces(name, SOURCES).map(({ inum }) => inum);

test("a pid namespace by its inode number or its id, of which the first counts first", () => {
  assert.deepEqual(found("300"), [300]);
  assert.deepEqual(found("pid:[300]"), [300]);
  assert.deepEqual(found("22"), [300]);
  assert.deepEqual(found("200"), [200]);
  assert.deepEqual(findPidNamespaces("21", SOURCES)[0], {
    inum: 200,
    id: "21",
    members: [11, 13],
    container: null,
  });
  for (const none of ["0", "1", "pid:[22]", "mnt:[300]", "pid:[0]"]) {
    assert.throws(() => found(none), { code: "KEYHOLE_PID_NAMESPACE", exitCode: 1 }, none);
  }
});

test("a container by its id, the beginning of it or its name: the namespace of its first process that is not the host's", () => {
  for (const name of [APP.id, "70dfa", "app", "shop/web/app"]) assert.deepEqual(found(name), [200], name);
  assert.deepEqual(found("node-exporter"), [HOST]);
});

test("a pod means those of all its containers, the beginning of two ids is refused", () => {
  for (const name of ["web", "shop/web", "5c0a-11"]) assert.deepEqual(found(name), [200, 300], name);
  assert.throws(() => found("70df"), {
    code: "KEYHOLE_PID_AMBIGUOUS",
    found: `"${APP.id}" (shop/web/app), "${PAUSE.id}" (shop/web/pause)`,
  });
});

test("reads pids with and without a namespace", () => {
  assert.deepEqual(parsePidQuestion("812"), { asked: "812", pid: 812, ns: null });
  assert.deepEqual(parsePidQuestion("37@@812"), { asked: "37@@812", pid: 37, ns: "@812" });
  assert.deepEqual(parsePidQuestion("37@shop/web"), { asked: "37@shop/web", pid: 37, ns: "shop/web" });
  assert.throws(() => parsePidQuestion("\x1b[2J@x"), { found: '"\\x1b[2J@x"' });
});
