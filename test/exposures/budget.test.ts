import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Budget } from "../../src/exposures/budget.js";

function busy(milliseconds: number): string {
  const until = performance.now() + milliseconds;
  while (performance.now() < until);
  return "done";
}

describe("Budget", () => {
  it("lets cheap work be done as often as it is asked for", () => {
    const budget = new Budget();
    for (let round = 0; round < 1000; round++)
      assert.equal(
        budget.run("a", () => round),
        round,
      );
    assert.equal(budget.refused, 0);
  });

  it("refuses more of what was dear, to whoever asked for it and to nobody else", () => {
    const budget = new Budget();
    assert.equal(
      budget.run("a", () => busy(10)),
      "done",
    );
    assert.equal(
      budget.run("a", () => "again"),
      null,
    );
    assert.equal(
      budget.run("b", () => "other"),
      "other",
    );
    assert.equal(budget.refused, 1);
    budget.forget("a");
    assert.equal(
      budget.run("a", () => "anew"),
      "anew",
    );
  });

  it("counts work that throws as well", () => {
    const budget = new Budget();
    const dear = () => {
      busy(10);
      throw new Error("gone");
    };
    assert.throws(() => budget.run("a", dear), /gone/);
    assert.equal(
      budget.run("a", () => "again"),
      null,
    );
  });
});
