import type { DataRule } from "./data-rule.js";
import type { DataException } from "./exception-compiler.js";
import { atOnce, type Sliced } from "./slices.js";

/** A test of a file of rules that did not come out as it says. */
export interface FailedTest {
  /** FILE:LINE:COLUMN. */
  readonly where: string;
  /** Id of the rule, or name of the exception. */
  readonly of: string;
  readonly name: string;
  readonly expected: string;
  readonly found: string;
}

export interface TestResults {
  readonly passed: number;
  readonly failed: readonly FailedTest[];
  /** Rules without a test. */
  readonly untested: readonly string[];
}

/** Runs the tests of `rules` and `exceptions`. */
export function runRuleTests(rules: readonly DataRule[], exceptions: readonly DataException[]): TestResults {
  return atOnce(testing(rules, exceptions));
}

/** As {@link runRuleTests}, interrupted after each rule and exception. */
export function* testing(
  rules: readonly DataRule[],
  exceptions: readonly DataException[],
): Sliced<TestResults> {
  const results: FailedTest[] = [];
  for (const rule of rules) {
    for (const { name, facts, finds, origin } of rule.tests) {
      const found = rule.judge(facts) ?? "nothing";
      results.push({ where: origin, of: rule.info.id, name, expected: finds, found });
    }
    yield;
  }
  for (const exception of exceptions) {
    for (const { name, facts, spares, origin } of exception.tests) {
      const told = (does: boolean) => (does ? "spares" : "does not spare");
      const found = told(exception.matches(facts));
      results.push({ where: origin, of: exception.name, name, expected: told(spares), found });
    }
    yield;
  }
  const failed = results.filter(({ expected, found }) => expected !== found);
  return {
    passed: results.length - failed.length,
    failed,
    untested: rules.filter(({ tests }) => tests.length === 0).map(({ info }) => info.id),
  };
}
