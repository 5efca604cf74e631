import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import type { KeyholeError } from "../../src/errors.js";
import type { KeyholeEvent, SyscallEvent } from "../../src/event.js";
import type { ActContext } from "../../src/exposures/act.js";
import { Exposures } from "../../src/exposures/engine.js";
import type { FindingChange } from "../../src/exposures/findings.js";
import { type EngineInputs, Recorder } from "../../src/exposures/recorder.js";
import type { RecordingLine } from "../../src/exposures/recording.js";
import { rereadable } from "../../src/exposures/recording-copy.js";
import { openRecording } from "../../src/exposures/recording-reader.js";
import { decode, encode } from "../../src/exposures/recording-values.js";
import { RecordingWriter } from "../../src/exposures/recording-writer.js";
import { Replay } from "../../src/exposures/replay.js";
import type { RuleInfo } from "../../src/exposures/rule.js";
import { DETECTORS, type RuleSet, withOverrides } from "../../src/exposures/rule-set.js";
import { Publisher } from "../../src/publish/publisher.js";
import { runcMounts } from "../mounts/mountinfo-text.js";
import { call } from "./act-call.js";
import { container, HOST_NS, HOST_PROC_DEV, superblock } from "./container.js";

const ROOT = join(import.meta.dirname, "../..");
let directory: string;
const path = (name = "r.jsonl") => join(directory, name);

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "keyhole-record-"));
});

afterEach(() => rmSync(directory, { recursive: true }));

/** An agent's engine, recorder and publisher, without what they watch. */
class World {
  readonly published: KeyholeEvent[] = [];
  readonly recorder: Recorder;
  readonly #publisher = new Publisher({ node: "n" });
  readonly #inputs: EngineInputs;

  constructor(writer: RecordingWriter) {
    this.recorder = new Recorder(writer, { node: "n" });
    this.recorder.begin({ hostNs: HOST_NS, hostProcDev: HOST_PROC_DEV, rules: DETECTORS });
    const engine = new Exposures({ rules: DETECTORS, hostProcDev: HOST_PROC_DEV, now: this.recorder.now });
    this.#inputs = this.recorder.around(engine);
    this.#publisher.addSink(this.recorder);
    const memory = { name: "memory", write: (event: KeyholeEvent) => void this.published.push(event) };
    this.#publisher.addSink({ ...memory, close: async () => {} });
  }

  tell(changes: readonly FindingChange[]): void {
    for (const change of changes)
      this.#publisher.publish({ time: "2026-11-23T00:00:09.000000000Z", ...change });
  }

  look(mounts = runcMounts()): void {
    this.tell(this.#inputs.posture(container(mounts)));
  }

  call(more: Partial<SyscallEvent>, context: Partial<ActContext> = {}): SyscallEvent {
    const event = this.#publisher.publish<SyscallEvent>({ ...CALL, ...more } as SyscallEvent);
    const full = { hostNs: HOST_NS, parentNs: HOST_NS, after: () => null, ...context };
    this.tell(this.#inputs.act(event, full));
    return event;
  }

  /** `late`: another call comes before the instance can be read. */
  weaken({ late = false } = {}): void {
    const event = this.#publisher.publish<SyscallEvent>({ ...CALL, syscall: "mount" } as SyscallEvent);
    if (late) this.call({ syscall: "unshare" });
    const [before, after] = [superblock("0:40", 204, { hidepid: "invisible" }), superblock("0:40", 204)];
    this.tell(this.#inputs.instanceChanged(before, after, event));
  }

  end(): void {
    this.tell(this.#inputs.gone("c1", "the container has ended"));
  }
}

/** As a call is before it is published. */
const { schema: _schema, seq: _seq, node: _node, ...CALL } = call("umount2");

/** Everything that the recorder has to write down, once. */
async function record(): Promise<World> {
  const world = new World(new RecordingWriter({ path: path(), overwrite: false, maxSize: 0 }));
  world.look();
  const unmasked = runcMounts().filter(({ point }) => point !== "/proc/keys");
  world.call({}, { after: () => container(unmasked) });
  world.call({ syscall: "unshare" });
  for (let times = 0; times < 5; times++) {
    const target = { via: "nsfs", type: "mnt", inum: HOST_NS[0]!, id: null } as const;
    world.call({ syscall: "setns", target });
  }
  world.weaken();
  world.look(unmasked);
  world.end();
  await world.recorder.close();
  return world;
}

/** Of a rule that a test makes. */
const INFO: RuleInfo = { ...DETECTORS.instances[0]!, kind: "act" };

function replay(file: string, rules: RuleSet = DETECTORS) {
  const { header, lines } = openRecording(file);
  const replaying = new Replay(header, rules);
  const events: KeyholeEvent[] = [];
  for (const { line } of lines) events.push(...replaying.take(line));
  events.push(...replaying.end());
  return { events, replaying };
}

describe("values of a recording", () => {
  it("come back as they were", () => {
    const values = {
      ...{ big: 2n ** 63n, set: new Set(["a", "b"]), map: new Map([[1, new Set([2n])]]) },
      ...{ bytes: Buffer.from([0, 255, 10]), text: 'a{"$set":[]}\u001b', none: null, list: [[], {}, 1.5] },
    };
    assert.deepEqual(decode(encode(values)), values);
  });

  it("come back as they were where somebody chose names that look like a form", () => {
    for (const name of ["$bigint", "$set", "$map", "$bytes", "$object", "$", "$x"]) {
      for (const inner of ["7", "x", 1, ["a"], [["a", 1]], { [name]: "7" }, null]) {
        const value = { labels: { [name]: inner } };
        assert.deepEqual(decode(encode(value)), value, encode(value));
      }
    }
  });

  it("are refused where they are no data, by their name", () => {
    assert.throws(() => encode({ view: { look: () => 1 } }), /"look" is a function/);
    assert.throws(() => encode({ tree: new (class Tree {})() }), /"tree" is a Tree/);
  });
});

describe("a replay", () => {
  it("tells the same events in the same order, to the last byte, with the same rules", async () => {
    const { published } = await record();
    const { events, replaying } = replay(path());
    assert.deepEqual(JSON.parse(JSON.stringify(events)), JSON.parse(JSON.stringify(published)));
    const rules = new Set(published.map((event) => (event.type === "finding" ? event.rule : "")));
    for (const rule of ["proc-mask-removed", "ns-enter-host", "proc-hidepid-weakened", "proc-default-gaps"])
      assert.ok(rules.has(rule), `nothing by ${rule} among ${[...rules]}`);
    assert.deepEqual(replaying.changes.changes(), []);
    assert.equal(
      replaying.changes.same,
      new Set(events.flatMap((e) => (e.type === "finding" ? [e.id] : []))).size,
    );
  });

  it("knows the call that changed an instance also where the instance was read after other calls", async () => {
    const world = new World(new RecordingWriter({ path: path(), overwrite: false, maxSize: 0 }));
    world.weaken({ late: true });
    await world.recorder.close();
    const call = world.published.find((event) => event.type === "syscall" && event.syscall === "mount")!;
    const told = world.published.find((event) => event.type === "finding");
    assert.equal(told?.type === "finding" && told.rule, "proc-hidepid-weakened");
    const { events, replaying } = replay(path());
    assert.deepEqual(JSON.parse(JSON.stringify(events)), JSON.parse(JSON.stringify(world.published)));
    assert.deepEqual(replaying.gaps, { lost: 0, unanswered: new Map(), exchanges: 0 });
    const line = [...openRecording(path()).lines].find(
      ({ line: one }) => "in" in one && one.in === "instance",
    );
    assert.deepEqual(line && "call" in line.line && line.line.call, JSON.parse(JSON.stringify(call)));
  });

  it("says which findings are gone, changed and new with other rules", async () => {
    await record();
    const disable = ["ns-enter-host"];
    const rules = withOverrides(DETECTORS, { disable, severity: { "proc-mask-removed": "low" } });
    const other = {
      ...rules,
      acts: [
        ...rules.acts,
        {
          ...INFO,
          ...{ id: "any-unshare", syscalls: ["unshare"], subsumes: [] },
          evaluate: () => [{ place: "x", severity: "info" as const, evidence: [{ fact: "unshare" }] }],
        },
      ],
    };
    const { replaying } = replay(path(), other);
    const brief = replaying.changes
      .changes()
      .map((one) => [one.change, one.rule, one.recorded, one.replayed, one.differs]);
    assert.deepEqual(brief.sort(), [
      ["changed", "proc-mask-removed", "critical", "low", ["severity"]],
      ["gone", "ns-enter-host", "critical", null, []],
      ["new", "any-unshare", null, "info", []],
    ]);
  });

  it("has what the container looked like after a call that changes mounts, also where no rule asked", async () => {
    const writer = new RecordingWriter({ path: path(), overwrite: false, maxSize: 0 });
    const world = new World(writer);
    world.call({ syscall: "mount", args: { mountflags: [] } }, { after: () => container(runcMounts()) });
    world.call({ syscall: "keyctl" }, { after: () => container(runcMounts()) });
    await world.recorder.close();
    const asking: RuleSet = {
      ...DETECTORS,
      acts: [
        {
          ...INFO,
          syscalls: ["mount", "keyctl"],
          evaluate: (act) => [
            {
              place: "x",
              severity: "info",
              evidence: [{ fact: `${act.call.syscall} ${act.after() !== null}` }],
            },
          ],
        },
      ],
    };
    const { events, replaying } = replay(path(), asking);
    const facts = events.flatMap((event) => (event.type === "finding" ? [event.evidence[0]!.fact] : []));
    // the second only raises the count until it has doubled
    assert.deepEqual(facts, ["mount true", "keyctl false"]);
    assert.deepEqual([...replaying.gaps.unanswered], [["after", 1]]);
  });
});

describe("the file of a recording", () => {
  it("is its owner's alone, and does not replace another unless that is asked for", async () => {
    await record();
    assert.equal(statSync(path()).mode & 0o777, 0o600);
    const before = readFileSync(path());
    assert.throws(() => new RecordingWriter({ path: path(), overwrite: false, maxSize: 0 }), {
      code: "KEYHOLE_RECORD",
      found: "EEXIST",
    });
    assert.deepEqual(readFileSync(path()), before);
    const writer = new RecordingWriter({ path: path(), overwrite: true, maxSize: 0 });
    await writer.close();
    assert.equal(readFileSync(path()).length, 0);
    assert.throws(() => new RecordingWriter({ path: "/dev/null", overwrite: true, maxSize: 0 }), {
      code: "KEYHOLE_RECORD",
    });
    assert.equal(existsSync("/dev/null"), true);
  });

  it("says where lines are missing that the disk was too slow for, and counts them", async () => {
    const writer = new RecordingWriter({ path: path(), overwrite: false, maxSize: 0 }, { maxQueued: 4096 });
    const world = new World(writer);
    for (let times = 0; times < 100; times++) world.call({ syscall: "unshare" });
    const { losses } = world.recorder;
    const lost = losses.get("record-queue")!;
    assert.ok(lost > 100, `${lost} lost`);
    await world.recorder.close();
    assert.equal(replay(path()).replaying.gaps.lost, lost);
  });

  it("ends at its greatest size, with a line that says so", async () => {
    const writer = new RecordingWriter({ path: path(), overwrite: false, maxSize: 4096 });
    const world = new World(writer);
    for (let times = 0; times < 100; times++) world.call({ syscall: "unshare" });
    await world.recorder.close();
    const { size } = statSync(path());
    assert.ok(size < 4096 + 64, `${size} bytes`);
    const lost = world.recorder.losses.get("record-full")!;
    assert.ok(lost > 100, `${lost} lost`);
    assert.equal(replay(path()).replaying.gaps.lost, 1);
  });

  it("counts what cannot be written down", async () => {
    const world = new World(new RecordingWriter({ path: path(), overwrite: false, maxSize: 0 }));
    world.tell(
      world.recorder.around(new Exposures({ rules: DETECTORS, hostProcDev: null })).posture({
        ...container(runcMounts()),
        ...{ look: () => 1 },
      }),
    );
    await world.recorder.close();
    assert.equal(world.recorder.losses.get("record-value"), 1);
    assert.equal(replay(path()).replaying.gaps.lost, 1);
  });
});

describe("a recording that comes through a pipe", () => {
  function keyhole(command: string, ...args: readonly string[]) {
    const { status, stdout, stderr, signal } = spawnSync("sh", ["-c", command, "sh", ...args], {
      ...{ cwd: ROOT, encoding: "utf8", timeout: 60_000 },
      env: { ...process.env, KEYHOLE: `${process.execPath} --import tsx src/main.ts`, RECORDING: path() },
    });
    return { status, signal, stdout, stderr: stderr.replaceAll("/dev/stdin", path()) };
  }

  it("is replayed and explained as the file is", async () => {
    const { published } = await record();
    const finding = published.find((event) => event.type === "finding")!;
    assert.ok(finding.type === "finding");
    for (const [name, ...args] of [
      ["replay", "FILE", "-o", "json"],
      // it is read twice: which finding the event is has to be known before
      ["explain", String(finding.seq), "--input", "FILE", "-o", "json"],
    ]) {
      const of = (input: string) => [name!, ...args.map((arg) => (arg === "FILE" ? input : arg))];
      const file = keyhole('$KEYHOLE "$@"', ...of(path()));
      const pipe = keyhole('cat "$RECORDING" | $KEYHOLE "$@"', ...of("/dev/stdin"));
      assert.equal(file.status, 0, file.stderr);
      assert.notEqual(file.stdout, "");
      assert.deepEqual(
        { ...pipe, stdout: pipe.stdout.replaceAll("/dev/stdin", path()) },
        file,
        `${name} ${args}`,
      );
    }
  });

  it("is refused where there is no room for what is read twice", (t) => {
    const fifo = path("fifo");
    assert.equal(spawnSync("mkfifo", [fifo]).status, 0);
    const before = process.env.TMPDIR;
    t.after(() => {
      if (before === undefined) delete process.env.TMPDIR;
      else process.env.TMPDIR = before;
    });
    process.env.TMPDIR = path("none");
    assert.throws(() => rereadable(fifo), {
      code: "KEYHOLE_RECORDING",
      expected: `room in ${path("none")}: the recording is read twice`,
      found: "ENOENT",
    });
  });

  it("is named as it was where it is damaged", async () => {
    await record();
    appendFileSync(path(), "{\n");
    const seq = readFileSync(path(), "utf8").trimEnd().split("\n").length;
    const damaged = keyhole('cat "$RECORDING" | $KEYHOLE explain 1 --input /dev/stdin');
    assert.equal(damaged.status, 2);
    assert.ok(damaged.stderr.includes(`${path()}:${seq}:`), damaged.stderr);
  });
});

describe("a recording that is damaged", () => {
  it("is quoted without what a terminal would follow", async () => {
    await record();
    appendFileSync(path(), "\u001b[31m\u202e\n");
    const { found } = read().error as KeyholeError;
    assert.match(found!, /\\x1b|\\u\{202e\}/);
    assert.doesNotMatch(found!, /[\u001b\u202e]/);
  });

  /** All lines that can be read, and the error after them. */
  function read(): { readonly lines: RecordingLine[]; readonly error: unknown } {
    const lines: RecordingLine[] = [];
    try {
      for (const { line } of openRecording(path()).lines) lines.push(line);
    } catch (error) {
      return { lines, error };
    }
    return { lines, error: null };
  }

  it("is read up to the line in the middle of which it ends", async () => {
    await record();
    const whole = readFileSync(path(), "utf8");
    const count = whole.split("\n").length - 2;
    const last = whole.trimEnd().lastIndexOf("\n") + 1;
    for (const cut of [last + 1, last + 20, whole.length - 3]) {
      writeFileSync(path(), whole.slice(0, cut));
      const { lines, error } = read();
      assert.equal(lines.length, count - 1);
      assert.equal((error as KeyholeError).code, "KEYHOLE_RECORDING");
      assert.match(
        (error as Error).message,
        new RegExp(`r\\.jsonl:${count + 1}:${cut - last + 1}: .* ends in the middle`),
      );
    }
  });

  it("is refused, with file and line, where it is empty, none, of another version, or not UTF-8", async () => {
    await record();
    const whole = readFileSync(path(), "utf8");
    const cases: [Buffer | string, RegExp][] = [
      ["", /r\.jsonl:1:1: the recording is empty/],
      ["\n", /r\.jsonl:1:1: this line is no JSON/],
      ["[]\n", /r\.jsonl:1:1: this is no recording/],
      ['{"schema":1}\n', /r\.jsonl:1:1: this is no recording/],
      [
        '{"keyhole_recording":1,"node":"n","time":"t","host_ns":[],"rules":null}\n',
        /r\.jsonl:1:1: this is no recording/,
      ],
      [whole.replace('"keyhole_recording":1', '"keyhole_recording":2'), /r\.jsonl:1:1: .*version 2/],
      [Buffer.from([0xff, 0xfe, 0x0a]), /r\.jsonl:1:1: this line is no JSON/],
    ];
    for (const [bytes, message] of cases) {
      writeFileSync(path(), bytes);
      assert.throws(() => openRecording(path()), { code: "KEYHOLE_RECORDING", message });
    }
  });

  it("is read up to a line that is none of a recording", async () => {
    await record();
    const count = readFileSync(path(), "utf8").split("\n").length - 2;
    for (const line of [
      "7",
      "{}",
      '{"in":"__proto__","time":"t"}',
      '{"in":"act","time":"t"}',
      '{"event":{}}',
      '{"event":{"seq":1,"time":"t","type":"finding"}}',
      '{"event":{"seq":1,"time":"t","type":"finding","id":"i","rule":"r","title":"t","severity":"low","subject":{"kind":"container","id":"c"}}}',
      '{"in":"posture","time":"t","view":null}',
      '{"in":"posture","time":"t","view":{"container":{"id":"c"},"task":{"pid":1}}}',
      "{",
    ]) {
      const before = readFileSync(path());
      appendFileSync(path(), `${line}\n`);
      const { lines, error } = read();
      assert.equal(lines.length, count);
      assert.match((error as Error).message, new RegExp(`r\\.jsonl:${count + 2}:\\d+: `), line);
      writeFileSync(path(), before);
    }
  });
});
