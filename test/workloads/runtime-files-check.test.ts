import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { HostPath } from "../../src/kernel/host-path.js";
import { runtimeFilesCheck } from "../../src/workloads/runtime-files-check.js";

const ON_HOST = "27 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n";
const ELSEWHERE = "612 580 0:61 / / ro,relatime - overlay overlay ro\n";

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "keyhole-files-"));
  for (const pid of ["1", "12"]) mkdirSync(join(root, "proc", pid), { recursive: true });
  symlinkSync("12", join(root, "proc/self"));
  mountinfo("1", ON_HOST);
});

afterEach(() => rmSync(root, { recursive: true, force: true }));

function mountinfo(pid: string, text: string): void {
  writeFileSync(join(root, "proc", pid, "mountinfo"), text);
}

const check = () => runtimeFilesCheck(new HostPath(root));

test("what runtimes keep is found below the agent's own root", () => {
  mkdirSync(join(root, "run/containerd/runc"), { recursive: true });
  const { status, found } = check();
  assert.deepEqual([status, found], ["ok", `below ${root}`]);
});

test("where the host's root cannot be entered it says what is lost, and what to mount", () => {
  mountinfo("12", ELSEWHERE);
  const { status, found, lacks, fix } = check();
  assert.deepEqual([status, found], ["degraded", `${root}/proc/1/root: ENOENT; none below ${root}`]);
  assert.match(lacks ?? "", /names of containers, pods and images/);
  assert.match(fix ?? "", /\/run\/containerd\/runc .*components\/runtime-files/);
});

test("a host without containers lacks nothing, by its root or through that of its first process", () => {
  mountinfo("12", ON_HOST);
  assert.equal(check().status, "ok");
  mountinfo("12", ELSEWHERE);
  const host = join(root, "host");
  mkdirSync(host);
  symlinkSync(host, join(root, "proc/1/root"));
  const { status, found } = check();
  assert.deepEqual([status, found], ["ok", `none below ${root}/proc/1/root: no container runtime wrote any`]);
  mkdirSync(join(host, "run/crun"), { recursive: true });
  assert.equal(check().found, `below ${root}/proc/1/root`);
});
