import type { Config } from "../config/config.js";
import { DETECTORS, NO_OVERRIDES, type RuleSet, withOverrides } from "../exposures/rule-set.js";

/** The rules that commands look at, as the configuration has them. Throws KEYHOLE_RULE_UNKNOWN. */
export function rulesOf(config: Pick<Config, "rules"> | undefined): RuleSet {
  return withOverrides(DETECTORS, config?.rules ?? NO_OVERRIDES);
}
