import assert from "node:assert/strict";
import { test } from "node:test";
import type { KeyholeEvent } from "../../src/event.js";
import { serialise } from "../../src/publish/json.js";
import { Publisher, type Sink } from "../../src/publish/publisher.js";
import { finding, setns, started } from "./fixtures/events.js";

class Recorder implements Sink {
  readonly name = "recorder";
  readonly events: KeyholeEvent[] = [];
  readonly lines: string[] = [];
  closed = false;
  readonly #wantsJson: boolean;

  constructor(wantsJson: boolean) {
    this.#wantsJson = wantsJson;
  }

  write(event: KeyholeEvent, json: () => string): void {
    this.events.push(event);
    if (this.#wantsJson) this.lines.push(json());
  }

  async close(): Promise<void> {
    this.closed = true;
  }
}

/** Counts how often it is turned into JSON. */
function counting(): { toJSON(): string; times: number } {
  return {
    times: 0,
    toJSON() {
      this.times++;
      return "x";
    },
  };
}

test("an event gets schema, seq and node, and its keys stand in the documented order", () => {
  const publisher = new Publisher({ node: "worker-1" });
  const { type, time, ...rest } = setns();
  const event = publisher.publish({ ...rest, type, time });
  assert.equal(event.schema, 1);
  assert.equal(event.seq, 1);
  assert.equal(event.node, "worker-1");
  assert.deepEqual(Object.keys(JSON.parse(serialise(event))).slice(0, 7), [
    "schema",
    "seq",
    "time",
    "node",
    "type",
    "syscall",
    "abi",
  ]);
  assert.equal(publisher.publish(setns()).seq, 2);
  assert.equal(publisher.seq, 2);
});

test("an event is turned into JSON once for all sinks, and not at all when none asks", () => {
  const detail = counting();
  const publisher = new Publisher({ node: "n" });
  publisher.addSink(new Recorder(false));
  publisher.publish({ ...started(), detail });
  assert.equal(detail.times, 0);
  const first = new Recorder(true);
  const second = new Recorder(true);
  publisher.addSink(first);
  publisher.addSink(second);
  const event = publisher.publish({ ...started(), detail });
  assert.equal(detail.times, 1);
  assert.equal(first.lines[0], second.lines[0]);
  assert.equal(JSON.parse(first.lines[0]!).seq, event.seq);
});

test("each sink sees the line of the event at hand, never of the one before", () => {
  const publisher = new Publisher({ node: "n" });
  const sink = new Recorder(true);
  publisher.addSink(sink);
  for (let seq = 1; seq <= 3; seq++) publisher.publish(setns());
  assert.deepEqual(
    sink.lines.map((line) => JSON.parse(line).seq),
    [1, 2, 3],
  );
});

test("events are counted by type, system calls by call", () => {
  const publisher = new Publisher({ node: "n" });
  publisher.publish(setns());
  publisher.publish(setns());
  publisher.publish(setns({ syscall: "umount2" }));
  publisher.publish(finding());
  assert.deepEqual(
    [...publisher.counts()],
    [
      { event: "syscall", syscall: "setns", count: 2 },
      { event: "syscall", syscall: "umount2", count: 1 },
      { event: "finding", syscall: "", count: 1 },
    ],
  );
});

test("close closes every sink", async () => {
  const publisher = new Publisher({ node: "n" });
  const sinks = [new Recorder(true), new Recorder(false)];
  for (const sink of sinks) publisher.addSink(sink);
  await publisher.close();
  assert.deepEqual(
    sinks.map(({ closed }) => closed),
    [true, true],
  );
});
