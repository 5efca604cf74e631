import assert from "node:assert/strict";
import { test } from "node:test";
import { HostPath } from "../../src/kernel/host-path.js";

test("makes paths below the host's own root", () => {
  const host = new HostPath();
  assert.equal(host.root, "/");
  assert.equal(host.path(), "/");
  assert.equal(host.proc(), "/proc");
  assert.equal(host.proc(812, "ns", "mnt"), "/proc/812/ns/mnt");
  assert.equal(host.sys("kernel", "btf"), "/sys/kernel/btf");
  assert.equal(host.path("etc", "passwd"), "/etc/passwd");
});

test("makes paths below a root that is mounted elsewhere", () => {
  for (const root of ["/host", "/host/", "/host//"]) {
    const host = new HostPath(root);
    assert.equal(host.root, "/host");
    assert.equal(host.path(), "/host");
    assert.equal(host.proc("self"), "/host/proc/self");
    assert.equal(host.sys("fs/cgroup"), "/host/sys/fs/cgroup");
  }
});
