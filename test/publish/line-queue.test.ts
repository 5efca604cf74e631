import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { endsLine, LineQueue, unwritten } from "../../src/publish/line-queue.js";

const text = (queue: LineQueue, bytes = Number.POSITIVE_INFINITY) => {
  const chunks = queue.take(bytes);
  const all = Buffer.concat(chunks.map(({ buffer, used }) => buffer.subarray(0, used))).toString();
  queue.giveBack(chunks);
  return all;
};

describe("LineQueue", () => {
  it("gives back the lines in order, whatever their length", () => {
    const queue = new LineQueue(1 << 24);
    const lines = Array.from({ length: 400 }, (_, index) => `${index}:${"é".repeat(index * 7)}`);
    lines.push("x".repeat(600_000));
    for (const line of lines) assert.ok(queue.push(line));
    assert.equal(queue.queued, Buffer.byteLength(lines.join("\n")) + 1);
    assert.equal(text(queue), `${lines.join("\n")}\n`);
    assert.equal(queue.queued, 0);
    assert.ok(queue.isEmpty);
  });

  it("uses again what was given back without mixing it up", () => {
    const queue = new LineQueue(1 << 20);
    for (const line of ["first, and longer", "2nd", "third"]) {
      queue.push(line);
      assert.equal(text(queue), `${line}\n`);
    }
  });

  it("is bounded to the byte, but for a line that tells of a loss", () => {
    const queue = new LineQueue(10);
    assert.ok(queue.push("123456789"));
    assert.ok(!queue.push(""));
    assert.ok(queue.push("lost", 7));
    assert.equal(text(queue), "123456789\nlost\n");
  });

  it("counts what is being written as queued", () => {
    const queue = new LineQueue(10);
    queue.push("123456789");
    const chunks = queue.take(1);
    assert.ok(!queue.push("a"));
    queue.giveBack(chunks);
    assert.ok(queue.push("a"));
  });
});

describe("unwritten", () => {
  it("names the lines that are not whole among the first bytes, and what they told", () => {
    const queue = new LineQueue(100);
    queue.push("abc");
    queue.push("lost", 5);
    queue.push("def");
    const chunks = queue.take(100);
    assert.deepEqual([...unwritten(chunks, 0)], [0, 5, 0]);
    assert.deepEqual([...unwritten(chunks, 4)], [5, 0]);
    assert.deepEqual([...unwritten(chunks, 8)], [5, 0]);
    assert.deepEqual([...unwritten(chunks, 13)], []);
    assert.ok(endsLine(chunks, 4));
    assert.ok(!endsLine(chunks, 5));
    assert.ok(endsLine(chunks, 13));
  });
});
