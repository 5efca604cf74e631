import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { LibbpfError, loadLibbpf } from "../../src/index.js";
import { compile } from "../fixture.js";

const fixture = compile("fixture");
const libbpf = loadLibbpf();

/** `tid/tgid` of every task below /proc, but for process 1, which a kernel may be built to hide from BPF. */
function procTasks(): string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && name !== "1")
    .flatMap((tgid) => threads(tgid).map((tid) => `${tid}/${tgid}`))
    .sort();
}

function threads(tgid: string): string[] {
  try {
    return readdirSync(`/proc/${tgid}/task`);
  } catch {
    return []; // It ended since /proc was listed.
  }
}

function tasksOf(bytes: Buffer): string[] {
  const words = new Uint32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
  const tasks = Array.from(
    { length: words.length / 2 },
    (_, index) => `${words[2 * index]}/${words[2 * index + 1]}`,
  );
  return tasks.filter((task) => !task.endsWith("/1"));
}

/** The pid given last, proc_loadavg(5): while it stays, no task is made. */
function lastPid(): string | undefined {
  return readFileSync("/proc/loadavg", "utf8").trim().split(" ").at(-1);
}

/** What `read` gives at a moment when no task began or ended. */
async function undisturbed(read: () => Buffer): Promise<{ listed: string[]; given: string[] }> {
  for (let attempt = 0; attempt < 500; attempt++) {
    const last = lastPid();
    const before = procTasks();
    const given = tasksOf(read());
    const listed = procTasks();
    if (before.join() === listed.join() && last === lastPid()) return { listed, given };
    await setTimeout(10);
  }
  throw new Error("tasks came and went during each of 500 attempts");
}

test("an iterator over tasks lists what /proc lists, each time anew", async () => {
  using object = libbpf.open(fixture);
  object.load();
  using iterator = object.program("tasks").attachIter();
  for (let i = 0; i < 2; i++) {
    const { listed, given } = await undisturbed(() => iterator.read());
    assert.deepEqual(given.sort(), listed);
  }
});

test("an iterator's output is read to its end, however long", async () => {
  using object = libbpf.open(fixture);
  object.setGlobal("copies", 500);
  object.load();
  using iterator = object.program("tasks").attach();
  const { listed, given } = await undisturbed(() => iterator.read());
  assert.ok(given.length * 8 > 128 * 1024, `${given.length * 8} bytes`);
  assert.equal(given.length, 500 * listed.length);
  assert.deepEqual([...new Set(given)].sort(), listed);
});

test("what cannot be read says why", () => {
  using object = libbpf.open(fixture);
  object.load();
  const failure =
    (errno: string | null, message: RegExp) =>
    (error: unknown): boolean =>
      error instanceof LibbpfError &&
      error.code === "LIBBPF_ITER" &&
      error.errno === errno &&
      message.test(error.message);
  const iterator = object.program("tasks").attachIter();
  iterator.detach();
  assert.throws(() => iterator.read(), failure(null, /tasks is detached/));
  using other = object.program("on_getppid").attach();
  assert.throws(() => other.read(), failure("EINVAL", /creating the iterator of on_getppid/));
  assert.throws(
    () => object.program("feed").attachIter(),
    (error) => error instanceof LibbpfError && error.code === "LIBBPF_ATTACH" && error.errno === "EINVAL",
  );
});
