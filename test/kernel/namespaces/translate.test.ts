import assert from "node:assert/strict";
import { closeSync, openSync } from "node:fs";
import { after, before, test } from "node:test";
import { HostPath } from "../../../src/kernel/host-path.js";
import { nsfsSupport } from "../../../src/kernel/nsfs-support.js";
import { readStatus } from "../../../src/kernel/status.js";
import {
  pidInside,
  pidInsideByStatus,
  pidOutside,
  pidOutsideByStatus,
  type Translation,
} from "../../../src/namespaces/translate.js";
import { type Nested, startNested } from "./nested.js";

const host = new HostPath();
let nested: Nested;
let outerNs: number;
let innerNs: number;
before(async () => {
  nested = await startNested();
  outerNs = openSync(host.proc(nested.outer, "ns", "pid"), "r");
  innerNs = openSync(host.proc(nested.inner, "ns", "pid"), "r");
});
after(async () => {
  closeSync(outerNs);
  closeSync(innerNs);
  await nested?.stop();
});

const pidOf = (translation: Translation): number | string =>
  translation.ok ? translation.pid : translation.errno;

test("agrees with what the kernel shows in NSpid, at every level", () => {
  const nsPid = readStatus(host, nested.inner)?.nsPid;
  assert.equal(nsPid?.length, 3);
  assert.equal(nsPid?.[2], 1);
  assert.equal(pidOf(pidInside(host, "/proc/self/ns/pid", nested.inner)), nsPid?.[0]);
  assert.equal(pidOf(pidInside(host, outerNs, nested.inner)), nsPid?.[1]);
  assert.equal(pidOf(pidInside(host, innerNs, nested.inner)), 1);
  assert.equal(pidOf(pidInside(host, outerNs, nested.outer)), 1);
});

test("comes back from every level", () => {
  for (const ns of [outerNs, innerNs]) {
    const inside = pidInside(host, ns, nested.inner);
    assert.ok(inside.ok);
    assert.equal(pidOf(pidOutside(host, ns, inside.pid)), nested.inner);
  }
  assert.equal(pidOf(pidOutside(host, host.proc(nested.outer, "ns", "pid"), 1)), nested.outer);
});

test("a process is not visible in a namespace below its own", () => {
  assert.equal(pidOf(pidInside(host, innerNs, nested.outer)), "ESRCH");
  assert.equal(pidOf(pidInside(host, outerNs, process.pid)), "ESRCH");
  assert.equal(pidOf(pidOutside(host, innerNs, 4_000_000)), "ESRCH");
});

test("says which way was taken", () => {
  const supported = nsfsSupport().find(({ name }) => name === "NS_GET_PID_IN_PIDNS")!.supported;
  const translation = pidInside(host, outerNs, nested.inner);
  assert.ok(translation.ok);
  assert.equal(translation.via, supported ? "ioctl" : "NSpid");
});

test("finds by /proc what it finds by the ioctls", () => {
  for (const ns of [outerNs, innerNs]) {
    for (const pid of [nested.outer, nested.inner, process.pid, 4_000_000]) {
      assert.equal(pidOf(pidInsideByStatus(host, ns, pid)), pidOf(pidInside(host, ns, pid)));
    }
    for (const pid of [1, 2, 3, 4_000_000]) {
      assert.equal(pidOf(pidOutsideByStatus(host, ns, pid)), pidOf(pidOutside(host, ns, pid)));
    }
  }
});

test("a path that is not there gives its errno", () => {
  assert.deepEqual(pidInside(host, "/proc/4194305/ns/pid", 1), { ok: false, errno: "ENOENT" });
});
