import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { align, type Costs } from "./align.js";

/** Letters fit themselves; a pair of letters that differ only in case costs 1, any other pair 2; `?` alone is free. */
const LETTERS: Costs<string, string> = {
  pair: (a, b) => (a === b ? 0 : a.toLowerCase() === b.toLowerCase() ? 1 : 2),
  alone: (a) => (a === "?" ? 0 : 1),
};

/** The pairs as text: `-` for what is alone. */
function aligned(a: string, b: string): string {
  return align([...a], [...b], LETTERS)
    .map(([x, y]) => `${x ?? "-"}${y ?? "-"}`)
    .join(" ");
}

describe("align", () => {
  it("pairs what is the same", () => {
    assert.equal(aligned("abc", "abc"), "aa bb cc");
    assert.equal(aligned("", ""), "");
  });

  it("leaves alone what one of them lacks, at either end and in between", () => {
    assert.equal(aligned("abc", "bc"), "a- bb cc");
    assert.equal(aligned("abc", "ab"), "aa bb c-");
    assert.equal(aligned("ac", "abc"), "aa -b cc");
  });

  it("pairs what differs rather than leave two alone", () => {
    assert.equal(aligned("aBc", "abc"), "aa Bb cc");
  });

  it("does not pair what may be left alone for nothing", () => {
    assert.equal(aligned("a?b", "aXb").replaceAll(" ", ""), "aa?--Xbb");
    assert.equal(aligned("?A", "a"), "?- Aa");
  });

  it("takes its time for the middle alone, and gives up where that is too long", () => {
    const same = "x".repeat(50_000);
    assert.equal(align([...`${same}a${same}`], [...`${same}b${same}`], LETTERS).length, 100_001);
    const wrong = align([..."a".repeat(3000)], [..."b".repeat(2999)], LETTERS);
    assert.equal(wrong.length, 3000);
    assert.deepEqual(wrong.at(-1), ["a", null]);
  });
});
