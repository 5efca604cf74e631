import type { FindingSubject } from "../event.js";
import type { Exception, FactReader } from "./exception.js";
import type { RuleInfo } from "./rule.js";
import type { RuleSet } from "./rule-set.js";

/** What the reason of a suppression begins with when an exception is it. */
const EXCEPTION = "exception:";

/** The name of the exception that is the reason; null where it is another reason. */
export function exceptionOf(reason: string): string | null {
  return reason.startsWith(EXCEPTION) ? reason.slice(EXCEPTION.length) : null;
}

/** What is found and not wanted, and how often that was so. */
export class Suppressions {
  readonly #counts = new Map<string, number>();
  #disabled: ReadonlySet<string> = new Set();
  /** By the rule that they are about. */
  #exceptions: ReadonlyMap<string, readonly Exception[]> = new Map();
  /** The container that the agent is in; null: it is in none. */
  ownContainer: string | null = null;

  /** Goes by what `rules` disable and except from now on. */
  use(rules: RuleSet): void {
    this.#disabled = new Set(rules.overrides.disable);
    const exceptions = new Map<string, Exception[]>();
    for (const exception of rules.exceptions) {
      for (const rule of exception.rules) exceptions.set(rule, [...(exceptions.get(rule) ?? []), exception]);
    }
    this.#exceptions = exceptions;
  }

  /** Whether the configuration switches this rule off. */
  isDisabled(rule: string): boolean {
    return this.#disabled.has(rule);
  }

  /** Why what `rule` found in a container, or on the node, is not wanted; null when it is. */
  reasonAgainst(
    rule: RuleInfo,
    container: FindingSubject["container"],
    facts: () => FactReader,
  ): string | null {
    if (this.#disabled.has(rule.id)) return "disabled";
    if (container !== null && container.id === this.ownContainer) return "own-container";
    const exceptions = this.#exceptions.get(rule.id);
    if (exceptions === undefined) return null;
    const reader = facts();
    const exception = exceptions.find((one) => one.matches(reader));
    return exception === undefined ? null : `${EXCEPTION}${exception.name}`;
  }

  /** One was not told. */
  count(reason: string): void {
    this.#counts.set(reason, (this.#counts.get(reason) ?? 0) + 1);
  }

  /** How many were not told, by reason. */
  counts(): ReadonlyMap<string, number> {
    return this.#counts;
  }
}
