import { SEVERITIES, type Severity } from "../event.js";

/** The worst of the severities; null where there is none. */
export function worst(severities: readonly (Severity | null)[]): Severity | null {
  const ranks = severities.filter((one) => one !== null).map((one) => SEVERITIES.indexOf(one));
  return ranks.length === 0 ? null : SEVERITIES[Math.min(...ranks)]!;
}
