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

/**
 * Of the rules that hold for the same place, those that no other subsumes, each with the ones it does. What holds for a
 * directory holds for what is below it.
 */
export function mostSpecific(holding: readonly Holding[]): Specific[] {
  const placed = holding.map((one) => ({ ...one, places: new Set(one.exposures.map(({ place }) => place)) }));
  const result: Specific[] = [];
  for (const { rule, exposures } of placed) {
    const above = placed.filter((other) => other.rule.subsumes.includes(rule.id));
    const below = placed.filter((other) => rule.subsumes.includes(other.rule.id));
    const own = exposures.filter(({ place }) => !above.some((other) => covers(other.places, place)));
    if (own.length === 0) continue;
    const ownPlaces = new Set(own.map(({ place }) => place));
    const also = below.filter((other) => [...other.places].some((place) => covers(ownPlaces, place)));
    result.push({ rule, exposures: own, also: also.map((other) => other.rule.id) });
  }
  return result;
}

/** Whether `place` or a directory above it is among `places`. */
function covers(places: ReadonlySet<string>, place: string): boolean {
  for (let end = place.length; end > 0; end = place.lastIndexOf("/", end - 1)) {
    if (places.has(place.slice(0, end))) return true;
  }
  return false;
}
