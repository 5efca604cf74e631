import assert from "node:assert/strict";
import { test } from "node:test";
import { SEVERITIES, type Severity } from "../../src/event.js";
import type { FindingChange } from "../../src/exposures/findings.js";
import { bandOf, SCORE_BANDS, scoreOf, scores } from "../../src/exposures/score.js";

/** Every list of up to `length` severities, as numbers of each. */
function* lists(length: number): Generator<Severity[]> {
  if (length === 0) {
    yield [];
    return;
  }
  for (const list of lists(length - 1)) {
    yield list;
    // in order, so that each comes once
    const last =
      list.length === length - 1 ? SEVERITIES.indexOf(list.at(-1) ?? "critical") : SEVERITIES.length;
    for (const severity of SEVERITIES.slice(last)) yield [...list, severity];
  }
}

test("a score is from 0 to 100, and never lower for one finding more or for a worse one", () => {
  let compared = 0;
  for (const list of lists(6)) {
    const score = scoreOf(list);
    assert.equal(Number.isInteger(score) && score >= 0 && score <= 100, true, `${list}: ${score}`);
    for (const more of SEVERITIES) {
      assert.equal(scoreOf([...list, more]) >= score, true, `${list} and ${more}`);
      compared++;
    }
    for (const [index, severity] of list.entries()) {
      const worse = SEVERITIES[SEVERITIES.indexOf(severity) - 1];
      if (worse === undefined) continue;
      assert.equal(scoreOf(list.with(index, worse)) >= score, true, `${list} with ${worse} at ${index}`);
      compared++;
    }
  }
  assert.equal(compared > 2_000, true, `only ${compared} comparisons`);
});

test("any number of lesser findings leaves a container below one with a worse finding", () => {
  for (const [index, severity] of SEVERITIES.slice(1).entries())
    assert.equal(
      scoreOf(Array<Severity>(500).fill(severity)) < scoreOf([SEVERITIES[index]!]),
      true,
      severity,
    );
  assert.equal(scoreOf([]), 0);
  assert.equal(scoreOf(Array<Severity>(500).fill("critical")), 100);
});

test("the order of the findings does not matter", () => {
  assert.equal(scoreOf(["low", "high", "info"]), scoreOf(["high", "info", "low"]));
});

test("every score is in one band, which has its name", () => {
  for (let score = 0; score <= 100; score++) {
    const [from, to = from] = bandOf(score).split("-").map(Number);
    assert.equal(score >= from! && score <= to!, true, `${score} in ${bandOf(score)}`);
    assert.equal(SCORE_BANDS.includes(bandOf(score)), true);
  }
});

test("what counts are open posture findings of containers, the worst container first", () => {
  const finding = (id: string, more: Partial<FindingChange> = {}) =>
    ({
      ...{ kind: "posture", state: "open", severity: "low" },
      subject: { kind: "container", id, container: null, pid: 1 },
      ...more,
    }) as FindingChange;
  const told = scores([
    finding("a"),
    finding("b", { state: "updated", severity: "high" }),
    finding("b"),
    finding("c", { kind: "act", severity: "critical" }),
    finding("d", { state: "resolved", severity: "critical" }),
    finding("node", { subject: { kind: "node", id: "node", container: null, pid: null } }),
  ]);
  assert.deepEqual(
    told.map(({ id, score, findings }) => [id, score, findings.high, findings.low]),
    [
      ["b", scoreOf(["high", "low"]), 1, 1],
      ["a", scoreOf(["low"]), 0, 1],
    ],
  );
});
