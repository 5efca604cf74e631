import type { DataRule } from "./data-rule.js";
import type { DataException } from "./exception-compiler.js";

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
  const results = [
    ...rules.flatMap((rule) =>
      rule.tests.map(({ name, facts, finds, origin }) => {
        const found = rule.judge(facts) ?? "nothing";
        return { where: origin, of: rule.info.id, name, expected: finds, found };
      }),
    ),
    ...exceptions.flatMap((exception) =>
      exception.tests.map(({ name, facts, spares, origin }) => {
        const told = (does: boolean) => (does ? "spares" : "does not spare");
        const found = told(exception.matches(facts));
        return { where: origin, of: exception.name, name, expected: told(spares), found };
      }),
    ),
  ];
  const failed = results.filter(({ expected, found }) => expected !== found);
  return {
    passed: results.length - failed.length,
    failed,
    untested: rules.filter(({ tests }) => tests.length === 0).map(({ info }) => info.id),
  };
}
