import { type ContainerRef, SEVERITIES, type Severity } from "../event.js";
import type { FindingChange } from "./findings.js";

/** How exposed one container is: see {@link scoreOf}. */
export interface ContainerScore {
  readonly id: string;
  readonly container: ContainerRef | null;
  readonly score: number;
  /** Open posture findings, by severity; 0 where there is none. */
  readonly findings: { readonly [severity in Severity]: number };
}

/** The scores that a container can have whose worst finding is of this severity: the first to the second. */
const BANDS: Readonly<Record<Severity, readonly [from: number, to: number]>> = {
  critical: [80, 100],
  high: [60, 79],
  medium: [40, 59],
  low: [20, 39],
  info: [1, 19],
};

/** How much of what is left of its band a finding beside the worst takes up. */
const SHARE: Readonly<Record<Severity, number>> = {
  critical: 0.5,
  high: 0.3,
  medium: 0.2,
  low: 0.1,
  info: 0.05,
};

/**
 * From 0, where nothing was found, to 100: what root inside a container could reach of its host. `severities` are those
 * of its open posture findings, which are computed for that root. The worst finding decides the band of twenty in which
 * the score is, each other one takes it nearer to the band's upper end: one more finding, or a worse one, never lowers it.
 */
export function scoreOf(severities: Iterable<Severity>): number {
  const counts = countsOf(severities);
  const worst = SEVERITIES.find((severity) => counts[severity] > 0);
  if (worst === undefined) return 0;
  const left = SEVERITIES.reduce((product, severity) => {
    const others = counts[severity] - (severity === worst ? 1 : 0);
    return product * (1 - SHARE[severity]) ** others;
  }, 1);
  const [from, to] = BANDS[worst];
  return from + Math.round((to - from) * (1 - left));
}

/** The containers that `findings` are about, the worst first; acts are points in time, and do not count. */
export function scores(findings: Iterable<FindingChange>): ContainerScore[] {
  const containers = new Map<string, { container: ContainerRef | null; severities: Severity[] }>();
  for (const { kind, state, severity, subject } of findings) {
    if (kind !== "posture" || state === "resolved" || subject.kind !== "container") continue;
    const known = containers.get(subject.id);
    if (known === undefined) {
      containers.set(subject.id, { container: subject.container, severities: [severity] });
    } else {
      known.severities.push(severity);
    }
  }
  return [...containers]
    .map(([id, { container, severities }]) => {
      return { id, container, score: scoreOf(severities), findings: countsOf(severities) };
    })
    .sort((a, b) => b.score - a.score || (a.id < b.id ? -1 : 1));
}

/** What a container without findings has. */
export function noScore(container: ContainerRef): ContainerScore {
  return { id: container.id, container, score: 0, findings: countsOf([]) };
}

/** Names of the bands, for a label: what no finding has, then from the least severe up. */
export const SCORE_BANDS: readonly string[] = [
  "0",
  ...[...SEVERITIES].reverse().map((one) => BANDS[one].join("-")),
];

/** The band that `score` is in, as in {@link SCORE_BANDS}. */
export function bandOf(score: number): string {
  const severity = SEVERITIES.find((one) => score >= BANDS[one][0]);
  return severity === undefined ? "0" : BANDS[severity].join("-");
}

function countsOf(severities: Iterable<Severity>): Record<Severity, number> {
  const counts = { critical: 0, high: 0, medium: 0, low: 0, info: 0 };
  for (const severity of severities) counts[severity] += 1;
  return counts;
}
