import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { HostPath } from "../../src/kernel/host-path.js";
import { parseStatus, readStatus } from "../../src/kernel/status.js";

const host = new HostPath();

test("reads this process", () => {
  const status = readStatus(host, "self");
  assert.equal(status?.pid, process.pid);
  assert.equal(status?.tgid, process.pid);
  assert.equal(status?.ppid, process.ppid);
  assert.equal(status?.uid.real, process.getuid?.());
  assert.equal(status?.uid.effective, process.geteuid?.());
  assert.equal(status?.gid.effective, process.getegid?.());
  assert.equal(status?.nsPid[0], process.pid);
  assert.equal(`${status?.name}\n`, readFileSync("/proc/self/comm", "utf8"));
});

test("a name cannot forge a field", async () => {
  const directory = mkdtempSync(join(tmpdir(), "keyhole-"));
  const name = "a\\\nUid:\t7\x1b[";
  const executable = join(directory, name);
  copyFileSync("/bin/sleep", executable);
  const child = spawn(executable, ["1000"], { stdio: "ignore" });
  try {
    await once(child, "spawn");
    const status = readStatus(host, child.pid!);
    assert.equal(status?.name, name);
    assert.equal(status?.uid.real, process.getuid?.());
  } finally {
    child.kill("SIGKILL");
    await once(child, "exit");
    rmSync(directory, { recursive: true });
  }
});

test("reads ids of each kind, nested pids and capabilities", () => {
  const text = [
    "Name:\tnginx",
    "State:\tS (sleeping)",
    "Tgid:\t900",
    "Pid:\t901",
    "PPid:\t3",
    "Uid:\t1\t2\t3\t4",
    "Gid:\t5\t6\t7\t8",
    "NStgid:\t900\t20\t1",
    "NSpid:\t901\t21\t2",
    "CapEff:\t000001fffeffffff",
    "CapBnd:\t00000000a80425fb",
    "",
  ].join("\n");
  assert.deepEqual(parseStatus(Buffer.from(text)), {
    name: "nginx",
    state: "S",
    tgid: 900,
    pid: 901,
    ppid: 3,
    uid: { real: 1, effective: 2, saved: 3, fs: 4 },
    gid: { real: 5, effective: 6, saved: 7, fs: 8 },
    nsPid: [901, 21, 2],
    nsTgid: [900, 20, 1],
    capEff: 0x1fffeffffffn,
    capBnd: 0xa80425fbn,
  });
});

test("is null for what is not there or not whole", () => {
  assert.equal(readStatus(host, 4_194_305), null);
  assert.equal(parseStatus(Buffer.from("")), null);
  assert.equal(parseStatus(Buffer.from("Name:\tx\nUid:\t1\t2\n")), null);
});
