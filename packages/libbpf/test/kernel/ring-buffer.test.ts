import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { afterEach, test } from "node:test";
import { setImmediate, setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { type BpfObject, LibbpfError, loadLibbpf, RingBuffer } from "../../src/index.js";
import { compile, integer, u32 } from "../fixture.js";

const fixture = compile("fixture");
const libbpf = loadLibbpf();
const LIMIT = { timeout: 60_000 };
const FACTOR = 2654435761n;
/** As in fixture.bpf.c, length_of(). */
const LENGTHS = [16, 37, 1000];

const open: BpfObject[] = [];
const children: ChildProcess[] = [];
afterEach(() => {
  for (const object of open.splice(0)) object.close();
  for (const child of children.splice(0)) child.kill();
});

function load(prepare: (object: BpfObject) => void = () => {}): { object: BpfObject; ring: RingBuffer } {
  const object = libbpf.open(fixture);
  open.push(object);
  prepare(object);
  object.load();
  return { object, ring: new RingBuffer(object.map("ring")) };
}

function feed(object: BpfObject, first: number, count: number): void {
  object.program("feed").testRun([BigInt(first), BigInt(count)]);
}

/** Checks record after record that it is the next one, whole, and counts them. */
function checker(
  ring: RingBuffer,
  skip = 0,
): { next: number; onRecord: (offset: number, length: number) => void } {
  const state = {
    next: 0,
    onRecord(offset: number, length: number): void {
      if (skip !== 0 && state.next % skip === 0) state.next++;
      assert.equal(offset % 8, 0);
      assert.equal(length, LENGTHS[state.next % 3]);
      assert.equal(ring.u64[offset / 8], BigInt(state.next));
      assert.equal(ring.i64[offset / 8 + 1], BigInt(state.next) * FACTOR);
      assert.equal(ring.u8[offset], state.next & 0xff);
      assert.equal(ring.u32[offset / 4], state.next);
      state.next++;
    },
  };
  return state;
}

function bytesOf(first: number, count: number): number {
  let bytes = 0;
  for (let number = first; number < first + count; number++) {
    bytes += 8 + Math.ceil((LENGTHS[number % 3] ?? 0) / 8) * 8;
  }
  return bytes;
}

/** A process that calls getppid(2) as often as each line of its stdin says, and then says so. */
async function caller(): Promise<{ pid: number; call: (count: number) => Promise<void> }> {
  const code = `process.stdin.on("data", (line) => {
    for (let left = Number(line); left > 0; left--) process.ppid;
    process.stdout.write("done");
  }); process.stdout.write("ready");`;
  const child = spawn(process.execPath, ["-e", code], { stdio: ["pipe", "pipe", "inherit"] });
  children.push(child);
  await once(child.stdout, "data");
  return {
    pid: child.pid ?? 0,
    async call(count) {
      child.stdin.write(`${count}\n`);
      await once(child.stdout, "data");
    },
  };
}

test("hands over more than 100,000 records of a small ring, whole and in order", () => {
  const { object, ring } = load();
  const check = checker(ring);
  assert.equal(ring.size, 65536);
  for (let first = 0; first < 120_000; first += 120) {
    feed(object, first, 120);
    assert.equal(ring.pending(), bytesOf(first, 120));
    assert.equal(ring.drain(check.onRecord), 120);
    assert.equal(ring.pending(), 0);
  }
  assert.equal(check.next, 120_000);
  assert.equal(integer(object.getGlobal("refused")), 0);
});

test("maps no more behind the end than the longest record needs, and that is enough", () => {
  const { object } = load();
  const ring = new RingBuffer(object.map("ring"), { maxRecord: Math.max(...LENGTHS) });
  assert.equal(ring.u8.length, ring.size + 4096);
  const check = checker(ring);
  let wrapped = 0;
  for (let first = 0; first < 12_000; first += 120) {
    feed(object, first, 120);
    ring.drain((offset, length) => {
      check.onRecord(offset, length);
      assert.notEqual(ring.u8[offset + length - 1], undefined);
      if (offset + length > ring.size) wrapped++;
    });
  }
  assert.equal(check.next, 12_000);
  assert.ok(wrapped > 0);
});

test("a full ring refuses records, and keeps the ones that it took", () => {
  const { object, ring } = load();
  feed(object, 0, 1000);
  const [produced, refused] = [integer(object.getGlobal("produced")), integer(object.getGlobal("refused"))];
  assert.equal(produced + refused, 1000);
  assert.ok(refused > 0);
  let last = -1;
  const count = ring.drain((offset) => {
    const number = ring.u32[offset / 4] ?? 0;
    assert.ok(number > last);
    last = number;
  });
  assert.equal(count, produced);
  feed(object, 1000, 10);
  assert.equal(
    ring.drain(() => {}),
    10,
  );
});

test("discarded records are consumed and never handed over", () => {
  const { object, ring } = load((opened) => opened.setGlobal("discard_every", 4));
  const check = checker(ring, 4);
  for (let first = 0; first < 4000; first += 100) {
    feed(object, first, 100);
    assert.equal(ring.drain(check.onRecord), 75);
    assert.equal(ring.pending(), 0);
  }
  assert.equal(check.next, 4000);
});

test("a limit leaves the rest for the next drain", () => {
  const { object, ring } = load();
  const check = checker(ring);
  feed(object, 0, 10);
  assert.equal(ring.drain(check.onRecord, 4), 4);
  assert.equal(ring.pending(), bytesOf(4, 6));
  assert.equal(ring.drain(check.onRecord, 0), 0);
  assert.equal(ring.drain(check.onRecord, 100), 6);
  assert.equal(check.next, 10);
});

test("a record whose handler throws is consumed, the next one is not", () => {
  const { object, ring } = load();
  feed(object, 0, 3);
  const failure = new Error("no");
  assert.throws(
    () =>
      ring.drain((offset) => {
        if (ring.u32[offset / 4] === 1) throw failure;
      }),
    failure,
  );
  const left: (number | undefined)[] = [];
  ring.drain((offset) => left.push(ring.u32[offset / 4]));
  assert.deepEqual(left, [2]);
});

test("a second consumer goes on where the first one stopped", () => {
  const { object, ring } = load();
  feed(object, 0, 7);
  ring.drain(() => {}, 5);
  ring.close();
  assert.throws(() => ring.drain(() => {}), /the ring buffer is closed/);
  const check = checker(new RingBuffer(object.map("ring")));
  check.next = 5;
  assert.equal(new RingBuffer(object.map("ring")).drain(check.onRecord.bind(check)), 2);
});

test("a record that is still being written holds back the drain", LIMIT, async () => {
  const child = await caller();
  const { object, ring } = load((opened) => {
    opened.setGlobal("traced_pid", child.pid);
    opened.setGlobal("parent_pid", process.pid);
  });
  using _link = object.program("hold").attach();
  const called = child.call(1);
  while (ring.pending() === 0) await setImmediate();
  const records: (number | undefined)[] = [];
  const onRecord = (offset: number): void => {
    records.push(ring.u32[offset / 4]);
  };
  assert.equal(ring.drain(onRecord), 0);
  assert.equal(ring.pending(), 24);
  object.map("shared").update(u32(1), u32(1));
  await called;
  assert.equal(ring.drain(onRecord), 1);
  assert.deepEqual(records, [7]);
});

test("run() hands over every record of a flood when the ring has room", LIMIT, async () => {
  const calls = 150_000;
  const child = await caller();
  const { object, ring } = load((opened) => {
    opened.setGlobal("traced_pid", child.pid);
    opened.setGlobal("parent_pid", process.pid);
    opened.map("ring").setMaxEntries(16 << 20);
  });
  const link = object.program("on_getppid").attach();
  let next = 0;
  let batches = 0;
  const onRecord = (offset: number): void => {
    assert.equal(ring.u64[offset / 8], BigInt(next));
    next++;
  };
  const running = ring.run(onRecord, {
    onBatch: (records) => {
      batches += records;
    },
  });
  await child.call(calls);
  link.detach();
  ring.stop();
  await running;
  const late = ring.drain(onRecord);
  assert.equal(next, calls);
  assert.equal(batches + late, calls);
  assert.equal(integer(object.getGlobal("refused")), 0);
});

test("records of a flood that the ring refuses are all counted", LIMIT, async () => {
  const calls = 150_000;
  const child = await caller();
  const { object, ring } = load((opened) => {
    opened.setGlobal("traced_pid", child.pid);
    opened.setGlobal("parent_pid", process.pid);
    opened.map("ring").setMaxEntries(4096);
  });
  const link = object.program("on_getppid").attach();
  let next = 0;
  const onRecord = (offset: number): void => {
    assert.equal(ring.u64[offset / 8], BigInt(next));
    next++;
  };
  const running = ring.run(onRecord);
  await child.call(calls);
  link.detach();
  ring.stop();
  await running;
  ring.drain(onRecord);
  const refused = integer(object.getGlobal("refused"));
  assert.ok(refused > 0);
  assert.equal(next + refused, calls);
});

test("a record after silence wakes run(), again and again", LIMIT, async () => {
  const { object, ring } = load();
  const check = checker(ring);
  let woken = (): void => {};
  const running = ring.run((offset, length) => {
    check.onRecord(offset, length);
    woken();
  });
  for (let number = 0; number < 5; number++) {
    const record = new Promise<void>((resolve) => {
      woken = resolve;
    });
    feed(object, number, 1);
    await record;
    await setTimeout(number % 2 === 0 ? 40 : 1);
  }
  ring.stop();
  await running;
  assert.equal(check.next, 5);
});

test("run() gives the event loop a turn after each batch", LIMIT, async () => {
  const { object, ring } = load();
  feed(object, 0, 100);
  const batches: number[] = [];
  const turns: number[] = [];
  let turn = 0;
  let counting = true;
  void (async () => {
    while (counting) {
      await setImmediate();
      turn++;
    }
  })();
  const running = ring.run(() => {}, {
    limit: 30,
    onBatch: (records) => {
      batches.push(records);
      turns.push(turn);
      if (batches.reduce((sum, count) => sum + count) === 100) ring.stop();
    },
  });
  await running;
  counting = false;
  assert.deepEqual(batches, [30, 30, 30, 10]);
  assert.equal(new Set(turns).size, 4);
});

test("stop() ends a wait, a pause, and nothing when nothing runs", LIMIT, async () => {
  const { object, ring } = load();
  ring.stop();
  const waiting = ring.run(() => {});
  await setTimeout(20);
  await assert.rejects(
    ring.run(() => {}),
    /already running/,
  );
  assert.throws(() => ring.close(), /still running/);
  ring.stop();
  ring.stop();
  await waiting;

  // The second wake-up comes within the quiet time and starts a pause of an hour.
  const seen: number[] = [];
  const pausing = ring.run((offset) => seen.push(ring.u32[offset / 4] ?? 0), {
    quietMs: 3.6e6,
    batchMs: 3.6e6,
  });
  feed(object, 0, 1);
  while (seen.length === 0) await setTimeout(1);
  feed(object, 1, 1);
  await setTimeout(50);
  ring.stop();
  await pausing;
  assert.deepEqual(seen, [0]);
  assert.equal(ring.pending(), bytesOf(1, 1));
  ring.drain((offset) => seen.push(ring.u32[offset / 4] ?? 0));
  assert.deepEqual(seen, [0, 1]);
  ring.close();
  await assert.rejects(
    ring.run(() => {}),
    /is closed/,
  );
});

test("run() rejects with what a handler throws, and can be run again", LIMIT, async () => {
  const { object, ring } = load();
  feed(object, 0, 2);
  const failure = new Error("no");
  await assert.rejects(
    ring.run(() => {
      throw failure;
    }),
    failure,
  );
  const check = checker(ring);
  check.next = 1;
  await ring.run((offset, length) => {
    check.onRecord(offset, length);
    ring.stop();
  });
  assert.equal(check.next, 2);
});

test("closing the object under a running ring crashes nothing", LIMIT, async () => {
  const { object, ring } = load();
  feed(object, 0, 3);
  const check = checker(ring);
  const running = ring.run(check.onRecord);
  while (check.next < 3) await setTimeout(1);
  object.close();
  await setTimeout(20);
  ring.stop();
  await running;
  assert.equal(ring.pending(), 0);
});

test("process.exit() ends a process whose ring is waiting", LIMIT, () => {
  const source = fileURLToPath(new URL("../../src/index.ts", import.meta.url));
  const code = `
    import { loadLibbpf, RingBuffer } from ${JSON.stringify(source)};
    const object = loadLibbpf().open(${JSON.stringify(fixture)});
    object.load();
    void new RingBuffer(object.map("ring")).run(() => {});
    setTimeout(() => process.exit(7), 20);`;
  const args = ["--import", "tsx", "--input-type=module", "-e", code];
  const { status, signal, stderr } = spawnSync(process.execPath, args, { encoding: "utf8", timeout: 30_000 });
  assert.deepEqual({ status, signal, stderr }, { status: 7, signal: null, stderr: "" });
});

test("only a ring buffer can be one", () => {
  const { object } = load();
  assert.throws(
    () => new RingBuffer(object.map("hash")),
    (error) =>
      error instanceof LibbpfError &&
      error.code === "LIBBPF_RING" &&
      /hash is no ring buffer/.test(error.message),
  );
});
