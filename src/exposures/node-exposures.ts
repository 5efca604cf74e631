import type { ContainerView } from "./container-view.js";
import type { Exposure, Rule } from "./rule.js";

/** What containers have in common adds up; it stays as long as the node's kernel and runtime are what they are. */
export class NodeExposures {
  /** By rule, and by place. */
  readonly #known = new Map<string, Map<string, Exposure>>();
  /** Rules of which nothing was told since they, or what spares them, were exchanged. */
  #stale = new Set<string>();

  /** Other rules, or other exceptions: what each of `rules` has found is to be told again. */
  use(rules: readonly Rule<ContainerView>[]): void {
    this.#stale = new Set(rules.map(({ id }) => id));
  }

  /** All that `rule` has found so far, with what it finds in `view`; null where there is nothing new to tell. */
  look(rule: Rule<ContainerView>, view: ContainerView): Exposure[] | null {
    const known = this.#known.get(rule.id) ?? new Map<string, Exposure>();
    const exposures = rule.evaluate(view).filter((exposure) => !known.has(exposure.place));
    const isStale = this.#stale.delete(rule.id);
    if (exposures.length === 0 && !(isStale && known.size > 0)) return null;
    for (const exposure of exposures) known.set(exposure.place, exposure);
    this.#known.set(rule.id, known);
    return [...known.values()];
  }
}
