import assert from "node:assert/strict";
import { test } from "node:test";
import { parseRuleDocument } from "../../src/exposures/rule-document.js";
import { compileDocuments } from "../../src/exposures/rule-files.js";
import { DETECTORS } from "../../src/exposures/rule-set.js";
import { testing } from "../../src/exposures/rule-tests.js";
import { atOnce, inSlices, type Sliced } from "../../src/exposures/slices.js";

/** Each step takes longer than a slice. */
function* busy(steps: number): Sliced<string> {
  for (let step = 0; step < steps; step++) {
    const end = performance.now() + 6;
    while (performance.now() < end);
    yield;
  }
  return "done";
}

test("between two slices all else has its turn", async () => {
  let turns = 0;
  const turn = (): void => {
    turns += 1;
    next = setImmediate(turn);
  };
  let next = setImmediate(turn);
  assert.equal(await inSlices(busy(5)), "done");
  clearImmediate(next);
  assert.equal(turns >= 5, true, `${turns} turns`);
});

test("what the work throws is what both reject with", async () => {
  function* failing(): Sliced<void> {
    yield;
    throw new RangeError("too much");
  }
  assert.throws(() => atOnce(failing()), RangeError);
  await assert.rejects(inSlices(failing()), RangeError);
});

/** What `work` returns, and how often it could have been interrupted. */
function stepsOf<Result>(work: Sliced<Result>): { readonly steps: number; readonly result: Result } {
  for (let steps = 0; ; steps++) {
    const { done, value } = work.next();
    if (done === true) return { steps, result: value };
  }
}

test("reading, compiling and testing rules can be interrupted at every rule", () => {
  const RULES = 100;
  const rules = Array.from({ length: RULES }, (_, index) => ({
    ...{ id: `rule-${index}`, title: "T", on: "call", syscalls: ["openat"], condition: "ret >= 0" },
    ...{ severity: "low", evidence: "e", description: "d", remediation: "r" },
    tests: [{ name: "it is told", finds: "low", facts: { ret: 3 } }],
  }));
  const text = JSON.stringify({ rules }, null, 1);
  const read = stepsOf(parseRuleDocument("/a.yaml", text));
  // a rule has more than 40 lexemes, of which 256 are parsed at a time
  assert.equal(read.steps > (RULES * 40) / 256, true, `${read.steps} steps`);
  const compiled = stepsOf(compileDocuments([], [read.result], DETECTORS));
  assert.deepEqual([compiled.result.problems, compiled.result.rules.length], [[], RULES]);
  assert.equal(compiled.steps >= RULES, true);
  const tested = stepsOf(testing(compiled.result.rules, []));
  assert.deepEqual([tested.result.passed, tested.steps], [RULES, RULES]);
});

test("a file has one document", () => {
  const { problems } = atOnce(parseRuleDocument("/a.yaml", "rules: []\n---\nrules: []\n"));
  assert.deepEqual(
    problems.map(({ where, what }) => [where, what]),
    [["/a.yaml:2:1", "a file has one document: leave out what follows on ---"]],
  );
});
