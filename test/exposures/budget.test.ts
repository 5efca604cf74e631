import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Budget } from "../../src/exposures/budget.js";

/** A budget whose time passes as its work says. */
function budgetWithClock() {
  let now = 0;
  const busy = (milliseconds: number): string => {
    now += milliseconds;
    return "done";
  };
  return { budget: new Budget(() => now), busy };
}

describe("Budget", () => {
  it("lets cheap work be done as often as it is asked for", () => {
    const { budget, busy } = budgetWithClock();
    for (let round = 0; round < 1000; round++)
      assert.equal(
        budget.run("a", () => busy(2)),
        "done",
      );
    assert.equal(budget.refused, 0);
  });

  it("refuses more of what was dear, to whoever asked for it and to nobody else", () => {
    const { budget, busy } = budgetWithClock();
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
    busy(10 * 20);
    assert.equal(
      budget.run("a", () => busy(10)),
      "done",
    );
    budget.forget("a");
    assert.equal(
      budget.run("a", () => "anew"),
      "anew",
    );
  });

  it("counts work that throws as well", () => {
    const { budget, busy } = budgetWithClock();
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
