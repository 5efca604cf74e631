import type { Config } from "../config/config.js";
import { type LoadedRules, loadRuleSet } from "../exposures/rule-loader.js";
import { describeProblem } from "../exposures/rule-problems.js";
import { NO_OVERRIDES, type RuleSet } from "../exposures/rule-set.js";

import { neutralise } from "../publish/neutral.js";

type RulesConfig = Pick<Config, "rules"> | undefined;

/** The rules that commands look at, as the configuration has them. Throws KEYHOLE_RULE_UNKNOWN and KEYHOLE_RULES. */
export function rulesOf(config: RulesConfig): RuleSet {
  return loadedRulesOf(config).rules;
}

/** … with what is wrong with the user's files. */
export function loadedRulesOf(config: RulesConfig): LoadedRules {
  return loadRuleSet({
    directory: config?.rules.directory ?? null,
    overrides: config?.rules ?? NO_OVERRIDES,
  });
}

/** Says on stderr what is wrong with the user's files of rules; what it is about is not asked. */
export function tellProblems({ problems, omitted }: LoadedRules): void {
  for (const problem of problems) process.stderr.write(`keyhole: ${neutralise(describeProblem(problem))}\n`);
  if (omitted > 0) process.stderr.write(`keyhole: … and ${omitted} more problems\n`);
}
