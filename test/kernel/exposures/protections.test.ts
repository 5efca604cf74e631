import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setImmediate } from "node:timers/promises";
import {
  buildContainerView,
  type ContainerView,
  readHostProcDev,
} from "../../../src/exposures/container-view.js";
import { Protections } from "../../../src/exposures/protections.js";
import { HostPath } from "../../../src/kernel/host-path.js";
import { readMountinfo } from "../../../src/kernel/mountinfo.js";
import { readProcTasks } from "../../../src/kernel/proc-tasks.js";
import { existingPaths } from "../../../src/mounts/mask-lists.js";
import { readAnchors } from "../../../src/namespaces/anchors.js";
import { Containers } from "../../../src/workloads/containers.js";
import { Bundles } from "./bundle.js";

const host = new HostPath();
let bundles: Bundles;

before(() => {
  assert.equal(process.getuid?.(), 0, "containers need root");
  bundles = new Bundles();
});

after(() => bundles[Symbol.dispose]());

function look(pid: number): ContainerView {
  const hostNs = readAnchors(host).host;
  const task = readProcTasks(host).find((one) => one.tid === pid);
  assert.ok(task !== undefined);
  const container = new Containers({ host, hostNs }).of(task);
  assert.ok(container !== null);
  const view = buildContainerView(container, task, {
    host,
    hostNs,
    hostProcDev: readHostProcDev(host),
    existing: existingPaths(host),
    superblocks: null,
    descends: () => null,
  });
  assert.ok(view !== null);
  return view;
}

test("with CAP_SYS_ADMIN a container takes its masks away, and that is found in its mount table", async () => {
  const id = `keyhole-test-${process.pid}-masks`;
  const pid = bundles.run(id, {
    capabilities: ["CAP_SYS_ADMIN"],
    args: ["/pause", "/proc/keys", "/proc/sys"],
  });
  const protections = new Protections();
  const first = look(pid);
  assert.equal(first.container.id, id);
  assert.equal(first.sysAdmin, true);
  assert.equal(first.realRoot, true);
  protections.seen(first);
  assert.deepEqual(protections.takeLosses(look(pid)), []);

  process.kill(pid, "SIGUSR1");
  const isWritable = () =>
    readMountinfo(host, pid)?.some(({ point, options }) => point === "/proc/sys" && options.includes("rw"));
  while (isWritable() === false) await setImmediate();

  const losses = protections.takeLosses(look(pid));
  assert.deepEqual(losses.map(({ how, point, protection }) => `${point} ${protection.kind} ${how}`).sort(), [
    "/proc/keys mask removed",
    "/proc/sys readonly writable",
  ]);
});

test("what a container without CAP_SYS_ADMIN and one in a user namespace may do is told apart", () => {
  const plain = look(bundles.run(`keyhole-test-${process.pid}-plain`));
  assert.deepEqual([plain.realRoot, plain.sysAdmin], [true, false]);
  const user = look(bundles.run(`keyhole-test-${process.pid}-user`, { userns: true }));
  assert.deepEqual([user.realRoot, user.sysAdmin], [false, false]);
});
