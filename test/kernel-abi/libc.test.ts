import assert from "node:assert/strict";
import { fstatSync, mkdtempSync, readFileSync, readlinkSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import {
  CLOCK_BOOTTIME,
  CLOCK_MONOTONIC,
  clockGettime,
  close,
  open,
  poll,
  read,
  readFile,
  readlink,
  syscall,
} from "../../src/kernel/libc.js";

test("opens a file close-on-exec, and closes it", () => {
  const fd = open("/proc/self/status");
  assert.ok(fd.ok);
  assert.equal(fstatSync(fd.value).ino, statSync("/proc/self/status").ino);
  const flags = /flags:\t(\d+)/.exec(readFileSync(`/proc/self/fdinfo/${fd.value}`, "utf8"))?.[1];
  assert.equal(Number.parseInt(flags!, 8) & 0o2000000, 0o2000000);
  close(fd.value);
  assert.throws(() => fstatSync(fd.value), { code: "EBADF" });
});

test("reads links as Node does", () => {
  for (const path of ["/proc/self/exe", "/proc/self/ns/net", "/proc/self/cwd"]) {
    assert.deepEqual(readlink(path), { ok: true, value: readlinkSync(path) });
  }
  assert.deepEqual(readlink("/proc/self/status"), { ok: false, errno: "EINVAL" });
});

test("reads the clocks in nanoseconds", () => {
  const before = process.hrtime.bigint();
  const monotonic = clockGettime(CLOCK_MONOTONIC);
  const after = process.hrtime.bigint();
  assert.ok(before <= monotonic && monotonic <= after);

  const uptime = Number(readFileSync("/proc/uptime", "utf8").split(" ")[0]);
  assert.ok(Number(clockGettime(CLOCK_BOOTTIME)) / 1e9 >= uptime);
  assert.throws(() => clockGettime(99), /EINVAL/);
});

test("makes a system call by its number", () => {
  const getpid = process.arch === "arm64" ? 172 : 39;
  assert.deepEqual(syscall(getpid), { ok: true, value: process.pid });
  assert.deepEqual(syscall(99_999), { ok: false, errno: "ENOSYS" });
});

test("reads a file to its end, however long, and any number of times", () => {
  const text = Array.from({ length: 40_000 }, (_, line) => `line ${line}\n`).join("");
  const directory = mkdtempSync(join(tmpdir(), "keyhole-"));
  try {
    const path = join(directory, "long");
    writeFileSync(path, text);
    for (let round = 0; round < 2; round++) {
      const long = readFile(path);
      const short = readFile("/proc/self/comm");
      assert.ok(long.ok && short.ok);
      assert.equal(long.value.toString(), text);
      assert.equal(short.value.toString(), readFileSync("/proc/self/comm", "utf8"));
    }
  } finally {
    rmSync(directory, { recursive: true });
  }
  assert.deepEqual(readFile("/proc/4194305/status"), { ok: false, errno: "ENOENT" });
  assert.deepEqual(readFile("/proc/self"), { ok: false, errno: "EISDIR" });
});

test("reads a part of a file, and asks for events without waiting", () => {
  const POLLIN = 1;
  const POLLPRI = 2;
  const opened = open("/dev/zero");
  assert.ok(opened.ok);
  const buffer = Buffer.alloc(9, 7);
  assert.deepEqual(read(opened.value, buffer.subarray(4)), { ok: true, value: 5 });
  assert.deepEqual([...buffer], [7, 7, 7, 7, 0, 0, 0, 0, 0]);
  assert.deepEqual(poll(opened.value, POLLIN | POLLPRI), { ok: true, value: POLLIN });
  assert.deepEqual(poll(opened.value, POLLPRI), { ok: true, value: 0 });
  close(opened.value);
  assert.deepEqual(read(opened.value, buffer), { ok: false, errno: "EBADF" });
});
