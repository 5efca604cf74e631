import type { ContainerView } from "./container-view.js";
import type { Exposure, Rule, RuleInfo } from "./rule.js";

/** A rule that holds, what it found, and the rules that say less about the same. */
export interface Specific {
  readonly rule: RuleInfo;
  readonly exposures: Exposure[];
  readonly also: string[];
}

/** What one rule found. */
export interface Holding {
  readonly rule: RuleInfo;
  readonly exposures: readonly Exposure[];
}

/** What each of `rules` finds in `view`; those that find nothing are not in it. */
export function holdingRules(view: ContainerView, rules: readonly Rule<ContainerView>[]): Holding[] {
  return rules
    .map((rule) => ({ rule, exposures: rule.evaluate(view) }))
    .filter(({ exposures }) => exposures.length > 0);
}

/** Of the rules that hold for the same place, those that no other subsumes, each with the ones it does. */
export function mostSpecific(holding: readonly Holding[]): Specific[] {
  const placed = holding.map((one) => ({ ...one, places: new Set(one.exposures.map(({ place }) => place)) }));
  const result: Specific[] = [];
  for (const { rule, exposures } of placed) {
    const above = placed.filter((other) => other.rule.subsumes.includes(rule.id));
    const below = placed.filter((other) => rule.subsumes.includes(other.rule.id));
    const own = exposures.filter(({ place }) => !above.some((other) => other.places.has(place)));
    if (own.length === 0) continue;
    const also = below.filter((other) => own.some(({ place }) => other.places.has(place)));
    result.push({ rule, exposures: own, also: also.map((other) => other.rule.id) });
  }
  return result;
}
