import type { Severity } from "../event.js";

export interface FindingCount {
  readonly rule: string;
  readonly severity: Severity;
  readonly count: number;
}

/** Numbers of findings by rule and severity, from zero on for those that it is made with: a rate needs a start. */
export class FindingCounts {
  readonly #counts = new Map<string, { rule: string; severity: Severity; count: number }>();

  constructor(known: Iterable<Pick<FindingCount, "rule" | "severity">> = []) {
    for (const { rule, severity } of known) this.add(rule, severity, 0);
  }

  add(rule: string, severity: Severity, more = 1): void {
    const key = `${rule} ${severity}`;
    const known = this.#counts.get(key);
    if (known === undefined) this.#counts.set(key, { rule, severity, count: more });
    else known.count += more;
  }

  values(): FindingCount[] {
    return [...this.#counts.values()].map((one) => ({ ...one }));
  }
}
