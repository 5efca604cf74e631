import assert from "node:assert/strict";
import { test } from "node:test";
import type { ContainerRef } from "../../src/event.js";
import { LINK_INDEX } from "../../src/kernel/links.js";
import type { Task } from "../../src/namespaces/task.js";
import { Origins } from "../../src/workloads/origins.js";
import { isRuntimeAtWork } from "../../src/workloads/runtimes.js";
import { HOST_NS, namespaces } from "../exposures/container.js";

const IN_CONTAINER = namespaces({ mnt: 200, pid: 204 });
const CONTAINER: ContainerRef = { id: "c1", runtime: null, name: null, image: null, pod: null };

function task(pid: number, ns = HOST_NS, more: Partial<Task> = {}): Task {
  return {
    ...{ pid, tid: pid, ppid: 1, start: BigInt(pid), uid: 0, gid: 0, comm: "x", exe: "/x", nsPid: 1 },
    ...{ ns, cgroup: 7n, cgroupV1: 0n },
    ...more,
  };
}

/** Tasks in mount namespace 200 are in a container; 300 is that of a service with the host's root. */
function origins(capacity?: number): Origins {
  const containerOf = ({ ns }: Task) => (ns[LINK_INDEX.mnt] === 200 ? CONTAINER : null);
  return new Origins({ hostNs: HOST_NS, containerOf, ...(capacity !== undefined && { capacity }) });
}

test("a runtime is one until it executes the payload, in whichever process", () => {
  const known = origins();
  const runtime = task(10);
  known.onExec(runtime);
  const init = task(11, IN_CONTAINER);
  known.onFork(init, runtime);
  assert.equal(known.of(init), "host");
  known.onExec(init);
  assert.equal(known.of(init), "container");
  const child = task(12, IN_CONTAINER);
  known.onFork(child, init);
  assert.equal(known.of(child), "container");
});

test("a process of a container stays one in the host's namespaces, and so do those that it makes", () => {
  const known = origins();
  const payload = task(20, IN_CONTAINER);
  known.onExec(payload);
  const escaped = task(20);
  known.onExec(escaped);
  assert.equal(known.of(escaped), "container");
  const child = task(21);
  known.onFork(child, escaped);
  known.onExec(child);
  assert.equal(known.of(child), "container");
});

test("a service with a mount namespace of its own is the host's", () => {
  const known = origins();
  const service = task(30, namespaces({ mnt: 300 }));
  known.onExec(service);
  assert.equal(known.of(service), "host");
});

test("what was not seen is known as far as it can be told", () => {
  const known = origins();
  const tasks = [task(1), task(40, IN_CONTAINER), task(41, namespaces({ mnt: 300 }))];
  known.onInventory(tasks);
  assert.deepEqual(
    tasks.map((one) => known.of(one)),
    ["host", null, "host"],
  );
  assert.equal(known.of({ pid: 1, start: 99n }), null, "another process with that pid");
  known.onInventory([]);
  assert.equal(known.of(task(1)), null, "it has ended");
  const orphan = task(50);
  known.onFork(orphan, undefined);
  assert.equal(known.of(orphan), null);
});

test("a thread is its process's like, and there is room for so many processes", () => {
  const known = origins(2);
  known.onExec(task(60));
  known.onFork(task(60, HOST_NS, { tid: 61 }), task(60));
  assert.equal(known.evictions, 0);
  for (const pid of [61, 62, 63]) known.onExec(task(pid));
  assert.equal(known.evictions, 2);
  assert.equal(known.of(task(60)), null);
});

test("where the start was seen names count for nothing", () => {
  const runc = { exe: "/usr/sbin/runc", parentExe: "/usr/sbin/runc", parentNs: HOST_NS };
  assert.equal(isRuntimeAtWork({ ...runc, origin: "container" }, HOST_NS), false, "the payload's own runc");
  assert.equal(isRuntimeAtWork(runc, HOST_NS), true);
  const bwrap = { exe: "/usr/bin/bwrap", parentExe: "/bin/sh", parentNs: HOST_NS };
  assert.equal(isRuntimeAtWork({ ...bwrap, origin: "host" }, HOST_NS), true);
  assert.equal(isRuntimeAtWork(bwrap, HOST_NS), false);
});
