import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { RecentEvents } from "../../src/publish/recent.js";

describe("RecentEvents", () => {
  it("keeps the newest of what fits, each as it was", () => {
    const texts = fc.array(fc.string({ unit: "binary", minLength: 1, maxLength: 30 }), { maxLength: 60 });
    const limits = { events: fc.integer({ min: 1, max: 12 }), bytes: fc.integer({ min: 1, max: 200 }) };
    fc.assert(
      fc.property(texts, fc.record(limits), (all, { events, bytes }) => {
        const recent = new RecentEvents({ events, bytes });
        for (const [index, text] of all.entries()) {
          // a lone surrogate has no UTF-8, and is in no event: JSON escapes it
          recent.push(index + 1, wellFormed(text));
          assert.equal(recent.newest, index + 1);
          assert.ok(recent.oldest >= 1 && recent.oldest <= recent.newest);
          assert.ok(recent.newest - recent.oldest < events);
          for (let seq = recent.oldest; seq <= recent.newest; seq++) {
            assert.equal(recent.get(seq), wellFormed(all[seq - 1]!));
          }
        }
      }),
      { numRuns: 500 },
    );
  });

  it("keeps as many as it may where they fit", () => {
    const recent = new RecentEvents({ events: 3, bytes: 1000 });
    for (let seq = 1; seq <= 5; seq++) recent.push(seq, `event ${seq}`);
    assert.deepEqual([recent.oldest, recent.get(3), recent.get(5)], [3, "event 3", "event 5"]);
  });

  it("keeps the newest alone when it is too large", () => {
    const recent = new RecentEvents({ events: 3, bytes: 10 });
    recent.push(1, "a");
    recent.push(2, "a text that is too long");
    assert.deepEqual([recent.oldest, recent.newest, recent.get(2)], [2, 2, "a text that is too long"]);
    recent.push(3, "b");
    assert.deepEqual([recent.oldest, recent.newest, recent.get(3)], [3, 3, "b"]);
  });
});

function wellFormed(text: string): string {
  return Buffer.from(text).toString();
}
