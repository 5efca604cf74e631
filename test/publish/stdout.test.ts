import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  closeSync,
  constants,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { after, before, type TestContext, test } from "node:test";
import type { KeyholeEvent } from "../../src/event.js";
import { growPipe } from "../../src/publish/pipe.js";

const FIXTURE = join(import.meta.dirname, "fixtures/writer.ts");
const MIB = 1024 * 1024;

let dir: string;
before(() => {
  dir = mkdtempSync(join(tmpdir(), "keyhole-stdout-"));
});
after(() => rmSync(dir, { recursive: true }));

/** The program in fixtures/writer.ts with its output as given (a file descriptor becomes its fd 3), and its answers. */
class Writer {
  readonly child: ChildProcess;
  readonly #reports: AsyncIterator<string>;
  readonly exit: Promise<unknown[]>;

  constructor(context: TestContext, output: "pipe" | number, maxQueued = 32 * MIB) {
    const fd = output === "pipe" ? "1" : "3";
    this.child = spawn(process.execPath, ["--import", "tsx", FIXTURE, String(maxQueued), fd], {
      stdio: output === "pipe" ? ["pipe", "pipe", "pipe"] : ["pipe", "ignore", "pipe", output],
    });
    this.#reports = createInterface({ input: this.child.stderr! })[Symbol.asyncIterator]();
    this.exit = once(this.child, "exit");
    context.after(() => this.child.kill("SIGKILL"));
  }

  get stdout(): Readable {
    return this.child.stdout!;
  }

  async report(): Promise<Record<string, unknown>> {
    const { value, done } = await this.#reports.next();
    assert.ok(!done, "the program has ended");
    return JSON.parse(value as string) as Record<string, unknown>;
  }

  async command(line: string): Promise<Record<string, unknown>> {
    this.child.stdin!.write(`${line}\n`);
    return this.report();
  }
}

async function start(...args: ConstructorParameters<typeof Writer>): Promise<Writer> {
  const writer = new Writer(...args);
  assert.deepEqual(await writer.report(), { ready: true });
  return writer;
}

async function linesOf(stream: Readable): Promise<KeyholeEvent[]> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return parse(Buffer.concat(chunks).toString());
}

function parse(text: string): KeyholeEvent[] {
  assert.ok(text === "" || text.endsWith("\n"), "the last line is whole");
  return text
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line) as KeyholeEvent);
}

/** Every number from 1 to `last` is there once: as an event or within the count of a `lost` line. */
function assertComplete(events: readonly KeyholeEvent[], last: number): number {
  let lost = 0;
  let seq = 0;
  for (const event of events) {
    if (event.type === "lost") {
      assert.equal(event.reason, "stdout-queue");
      seq += event.count;
      lost += event.count;
    } else seq++;
    assert.equal(event.seq, seq);
  }
  assert.equal(seq, last);
  return lost;
}

test("to a pipe that is read every event arrives, in order", async (context) => {
  const writer = await start(context, "pipe");
  const lines = linesOf(writer.stdout);
  for (let round = 1; round <= 5; round++) {
    let report = await writer.command("publish 5000 100");
    while (report.queued !== 0) report = await writer.command("publish 0 0");
  }
  assert.deepEqual(await writer.command("close"), { ended: true, lost: 0 });
  assert.equal(assertComplete(await lines, 25_000), 0);
  assert.deepEqual(await writer.exit, [0, null]);
});

test("a single event is on stdout without a second one or the end pushing it", async (context) => {
  const writer = await start(context, "pipe");
  await writer.command("publish 1 10");
  const [chunk] = (await once(writer.stdout, "data")) as [Buffer];
  assert.equal(parse(chunk.toString())[0]?.seq, 1);
  await writer.command("close");
  await writer.exit;
});

test("a reader that stops stops neither the program nor its memory; what it missed is counted in-band", async (context) => {
  const writer = await start(context, "pipe", 2 * MIB);
  // Nothing reads stdout until there are listeners. 40 MB is more than the pipe and the queue take.
  const first = await writer.command("publish 4000 5000");
  const second = await writer.command("publish 4000 5000");
  assert.equal(second.seq, 8000);
  assert.ok((second.queued as number) <= 2 * MIB);
  assert.ok((second.lost as number) > (first.lost as number));
  const lines = linesOf(writer.stdout);
  let report = second;
  while (report.queued !== 0) report = await writer.command("publish 1 10");
  report = await writer.command("publish 1 10");
  const { lost } = await writer.command("close");
  assert.equal(assertComplete(await lines, report.seq as number), lost);
  assert.deepEqual(await writer.exit, [0, null]);
});

test("says once that it is behind when half of its room is used, and once that it is no longer", async (context) => {
  const writer = await start(context, "pipe", 8 * MIB);
  // the pipe takes a part of it
  assert.deepEqual((await writer.command("publish 1 1000")).behind, []);
  assert.deepEqual((await writer.command("publish 1200 5000")).behind, [true]);
  const lines = linesOf(writer.stdout);
  let report = await writer.command("publish 1 10");
  while (report.queued !== 0) report = await writer.command("publish 1 10");
  assert.deepEqual(report.behind, [true, false]);
  await writer.command("close");
  await lines;
});

test("close gives a stalled reader up, says what was lost and lets the program end", async (context) => {
  const writer = await start(context, "pipe", 32 * MIB);
  await writer.command("publish 2000 1000");
  const { ended, lost } = await writer.command("close");
  assert.equal(ended, true);
  assert.ok((lost as number) > 0);
  assert.deepEqual(await writer.exit, [0, null]);
});

test("a reader that goes away is reported once and the program ends by itself", async (context) => {
  const writer = await start(context, "pipe");
  writer.stdout.destroy();
  await once(writer.stdout, "close");
  const reports = [await writer.command("publish 10 10"), await writer.report()];
  assert.ok(reports.some(({ closed }) => closed === true));
  const { ended, lost } = await writer.command("close");
  assert.deepEqual([ended, lost], [true, 0]);
  assert.deepEqual(await writer.exit, [0, null]);
});

test("the pipe that others share stays blocking for them", async (context) => {
  const fifo = join(dir, "fifo");
  execFileSync("mkfifo", [fifo]);
  const reader = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK);
  const shared = openSync(fifo, constants.O_WRONLY);
  const writer = await start(context, shared);
  await writer.command("publish 1 10");
  const info = readFileSync(`/proc/self/fdinfo/${shared}`, "utf8");
  assert.equal(Number.parseInt(/^flags:\s+(\d+)/m.exec(info)![1]!, 8) & constants.O_NONBLOCK, 0);
  await writer.command("close");
  await writer.exit;
  const buffer = Buffer.alloc(65536);
  assert.equal(parse(buffer.toString("utf8", 0, readSync(reader, buffer))).length, 1);
  closeSync(shared);
  closeSync(reader);
});

test("the pipe is made to hold 1 MiB, one that holds more is left as it is", () => {
  const fifo = join(dir, "small");
  execFileSync("mkfifo", [fifo]);
  const reader = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK);
  const writer = openSync(fifo, constants.O_WRONLY | constants.O_NONBLOCK);
  assert.equal(growPipe(writer), MIB);
  assert.equal(growPipe(writer), MIB);
  let held = 0;
  assert.throws(
    () => {
      for (;;) held += writeSync(writer, Buffer.alloc(4096));
    },
    { code: "EAGAIN" },
  );
  assert.equal(held, MIB);
  closeSync(writer);
  closeSync(reader);
});

test("to a file every event arrives, after what was in it", async (context) => {
  const path = join(dir, "events.jsonl");
  const file = openSync(path, "a");
  const writer = await start(context, file);
  await writer.command("publish 10000 500");
  assert.deepEqual(await writer.command("close"), { ended: true, lost: 0 });
  await writer.exit;
  closeSync(file);
  assert.equal(assertComplete(parse(readFileSync(path, "utf8")), 10_000), 0);
});

test("a full disk loses events, says so, and does not end the program", async (context) => {
  const full = openSync("/dev/full", "w");
  const writer = await start(context, full);
  const reports = [await writer.command("publish 10 10"), await writer.report()];
  assert.ok(reports.some(({ error }) => error === "ENOSPC"));
  const reply = await writer.command("publish 5 10");
  assert.equal(reply.lost, 15);
  assert.deepEqual(await writer.command("close"), { ended: true, lost: 15 });
  assert.deepEqual(await writer.exit, [0, null]);
  closeSync(full);
});

test("to a terminal every event arrives", async (context) => {
  const path = join(dir, "typescript");
  const report = join(dir, "report");
  const program = `${process.execPath} --import tsx ${FIXTURE} ${32 * MIB} 1 "publish 3000 200" drain close 2>${report}`;
  const child = spawn("script", ["-qec", program, path], { stdio: "ignore" });
  context.after(() => child.kill("SIGKILL"));
  assert.deepEqual(await once(child, "exit"), [0, null]);
  const lines = readFileSync(path, "utf8")
    .split(/\r?\n/)
    .filter((line) => line.startsWith("{"));
  assert.equal(assertComplete(parse(`${lines.join("\n")}\n`), 3000), 0);
  assert.match(readFileSync(report, "utf8"), /"ended":true,"lost":0/);
});
