import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { CgroupDirectories } from "../../src/kernel/cgroup-ids.js";
import { HostPath } from "../../src/kernel/host-path.js";
import { readProcTasks } from "../../src/kernel/proc-tasks.js";

let root: string;

before(() => {
  root = mkdtempSync(join(tmpdir(), "keyhole-cgroups-"));
  mkdirSync(join(root, "sys/fs"), { recursive: true });
  symlinkSync("/sys/fs/cgroup", join(root, "sys/fs/cgroup"));
});

after(() => rmSync(root, { recursive: true, force: true }));

/** The id of the unified cgroup of a process whose file says `path`. */
function unifiedOf(pid: number, path: string): bigint {
  mkdirSync(join(root, "proc", String(pid)), { recursive: true });
  writeFileSync(join(root, "proc", String(pid), "cgroup"), `0::${path}\n`);
  return new CgroupDirectories(new HostPath(root)).of(pid).unified;
}

test("the id of a cgroup is the inode number of its directory", () => {
  const mounted = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"].map((path) => {
    return statSync(path, { bigint: true, throwIfNoEntry: false })?.ino;
  });
  assert.ok(mounted.includes(unifiedOf(5, "/")), "cgroup2 is mounted");
});

test("a cgroup that is gone, or whose path is longer than stat(2) takes, has no id", () => {
  assert.equal(unifiedOf(6, "/keyhole-no-such-cgroup"), 0n);
  assert.equal(unifiedOf(7, `/${`${"x".repeat(200)}/`.repeat(20)}x`), 0n);
  assert.equal(unifiedOf(8, `/${"x".repeat(300)}`), 0n);
});

test("every process of this system is listed with the ids of its cgroups", () => {
  const self = readProcTasks(new HostPath()).find(({ pid }) => pid === process.pid);
  assert.ok(self !== undefined && self.cgroup !== 0n);
});
