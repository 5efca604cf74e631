import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { after, before, test } from "node:test";
import { HostPath } from "../../../src/kernel/host-path.js";
import { LINK_INDEX, NS_LINKS } from "../../../src/kernel/links.js";
import { readProcTasks } from "../../../src/kernel/proc-tasks.js";
import type { Task } from "../../../src/namespaces/task.js";
import { type Nested, startNested, stop } from "./nested.js";

const host = new HostPath();
let nested: Nested;
before(async () => {
  nested = await startNested();
});
after(() => nested?.stop());

const find = (pid: number): Task => readProcTasks(host).find((task) => task.tid === pid)!;

test("lists the processes that ps lists", () => {
  const ps = (): string[] =>
    execFileSync("ps", ["-e", "-o", "pid="], { encoding: "utf8" }).trim().split(/\s+/);
  const first = new Set(ps());
  const ours = new Set(
    readProcTasks(host)
      .filter(({ pid, tid }) => pid === tid)
      .map(({ pid }) => String(pid)),
  );
  const second = new Set(ps());
  for (const pid of first) if (second.has(pid)) assert.ok(ours.has(pid), `pid ${pid} is missing`);
});

test("describes a process in nested namespaces", () => {
  const task = find(nested.inner);
  const ps = (column: string): string =>
    execFileSync("ps", ["-o", `${column}=`, "-p", String(nested.inner)], { encoding: "utf8" }).trim();
  assert.equal(task.pid, nested.inner);
  assert.equal(task.ppid, Number(ps("ppid")));
  assert.equal(task.uid, Number(ps("euid")));
  assert.equal(task.gid, Number(ps("egid")));
  assert.equal(task.comm, ps("comm"));
  assert.equal(task.exe, readlinkSync(host.proc(nested.inner, "exe")));
  assert.equal(task.nsPid, 1);
  for (const link of NS_LINKS) {
    const shown = readlinkSync(host.proc(nested.inner, "ns", link));
    assert.ok(shown.endsWith(`:[${task.ns[LINK_INDEX[link]]}]`), `${link}: ${shown}`);
  }
});

test("the start is nanoseconds since boot", () => {
  const elapsed = Number(
    execFileSync("ps", ["-o", "etimes=", "-p", String(process.pid)], { encoding: "utf8" }),
  );
  const uptime = Number(readFileSync("/proc/uptime", "utf8").split(" ")[0]);
  const age = uptime - Number(find(process.pid).start) / 1e9;
  assert.ok(age >= 0 && Math.abs(age - elapsed) < 3, `${age} s old, ps says ${elapsed} s`);
});

test("a cgroup's id is the inode number of its directory", () => {
  const task = find(process.pid);
  const lines = readFileSync("/proc/self/cgroup", "utf8").trim().split("\n");
  const path = (wanted: (fields: string[]) => boolean): string | undefined =>
    lines.map((line) => line.split(":")).find(wanted)?.[2];
  const unified = path(([id]) => id === "0");
  const mounts = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"];
  const mount = mounts.find((candidate) => existsSync(`${candidate}/cgroup.controllers`));
  const expected =
    unified !== undefined && mount !== undefined ? statSync(mount + unified, { bigint: true }).ino : 0n;
  assert.equal(task.cgroup, expected);
  const memory = path(([, controllers]) => controllers?.split(",").includes("memory") ?? false);
  assert.equal(
    task.cgroupV1,
    memory === undefined ? 0n : statSync(`/sys/fs/cgroup/memory${memory}`, { bigint: true }).ino,
  );
});

test("lists a thread that left its leader's namespaces, and no other thread", async () => {
  const script = [
    "import ctypes,os,threading,time",
    "libc=ctypes.CDLL(None,use_errno=True)",
    "def away():",
    "    assert libc.unshare(0x04000000)==0",
    "    print('ready',flush=True); time.sleep(1000)",
    "threading.Thread(target=time.sleep,args=(1000,)).start()",
    "threading.Thread(target=away).start()",
  ].join("\n");
  const child = spawn("python3", ["-c", script], { stdio: ["ignore", "pipe", "inherit"] });
  try {
    await once(child.stdout, "data");
    assert.equal(readdirSync(host.proc(child.pid!, "task")).length, 3);
    const tasks = readProcTasks(host).filter(({ pid }) => pid === child.pid);
    assert.equal(tasks.length, 2);
    const [leader, thread] = tasks;
    assert.equal(leader?.tid, child.pid);
    assert.notEqual(thread?.tid, child.pid);
    assert.equal(thread?.start, leader?.start);
    const differing = NS_LINKS.filter((_, index) => thread?.ns[index] !== leader?.ns[index]);
    assert.deepEqual(differing, ["uts"]);
  } finally {
    await stop(child);
  }
});
