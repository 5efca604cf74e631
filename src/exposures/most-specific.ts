import { POSTURE_RULES } from "./catalogue.js";
import type { ContainerView } from "./container-view.js";
import type { Exposure, RuleInfo } from "./rule.js";

/** A rule that holds, what it found, and the rules that say less about the same. */
export interface Specific {
  readonly rule: RuleInfo;
  readonly exposures: Exposure[];
  readonly also: string[];
}

/** Of the rules that hold for the same place, those that no other subsumes, each with the ones it does. */
export function mostSpecific(view: ContainerView): Specific[] {
  const holding = POSTURE_RULES.map((rule) => {
    const exposures = rule.evaluate(view);
    return { rule, exposures, places: new Set(exposures.map((exposure) => exposure.place)) };
  });
  const result: Specific[] = [];
  for (const { rule, exposures } of holding) {
    const above = holding.filter((other) => other.rule.subsumes.includes(rule.id));
    const below = holding.filter((other) => rule.subsumes.includes(other.rule.id));
    const own = exposures.filter(({ place }) => !above.some((other) => other.places.has(place)));
    if (own.length === 0) continue;
    const also = below.filter((other) => own.some(({ place }) => other.places.has(place)));
    result.push({ rule, exposures: own, also: also.map((other) => other.rule.id) });
  }
  return result;
}
