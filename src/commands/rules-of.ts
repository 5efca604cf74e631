import type { Config } from "../config/config.js";
import { type LoadedRules, loadRuleSet } from "../exposures/rule-loader.js";
import { NO_OVERRIDES, type RuleSet } from "../exposures/rule-set.js";

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
