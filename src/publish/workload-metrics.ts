import { SEVERITIES } from "../event.js";
import { bandOf, type ContainerScore, SCORE_BANDS } from "../exposures/score.js";
import type { MetricDefinition, Sample } from "./metric-definitions.js";
import type { MetricSources } from "./metric-sources.js";

/** Containers that have series of their own at most: the most exposed ones. */
const MAX_WORKLOADS = 1_000;

/** What the metrics say of single containers: where `metrics.per_workload` is on, and how exposed all are in any case. */
export const WORKLOAD_METRICS: readonly MetricDefinition[] = [
  {
    name: "keyhole_containers_by_score",
    type: "gauge",
    help: "Containers by how exposed they are, from 0 to 100: see docs/scores.md.",
    labels: ["score"],
    read: (s) => bands(s.scores()),
  },
  {
    name: "keyhole_container_score",
    type: "gauge",
    help: "How exposed a container is, from 0 to 100; with metrics.per_workload alone.",
    labels: ["container", "pod", "namespace"],
    read: (s) => perWorkload(s, ({ score }) => [{ value: score }]),
  },
  {
    name: "keyhole_container_findings_open",
    type: "gauge",
    help: "Posture findings of a container that are open now; with metrics.per_workload alone.",
    labels: ["container", "pod", "namespace", "severity"],
    read: (s) =>
      perWorkload(s, ({ findings }) =>
        SEVERITIES.map((severity) => ({ labels: { severity }, value: findings[severity] })),
      ),
  },
  {
    name: "keyhole_container_series_left_out",
    type: "gauge",
    help: "Containers without series of their own, because there are too many: the least exposed ones.",
    labels: [],
    read: (s) => [{ value: s.perWorkload ? Math.max(0, s.scores().length - MAX_WORKLOADS) : 0 }],
  },
];

function bands(scores: readonly ContainerScore[]): Sample[] {
  return SCORE_BANDS.map((band) => ({
    labels: { score: band },
    value: scores.filter(({ score }) => bandOf(score) === band).length,
  }));
}

/** Two containers can have the same names: the more exposed one stands for both. */
function perWorkload(sources: MetricSources, of: (container: ContainerScore) => readonly Sample[]): Sample[] {
  if (!sources.perWorkload) return [];
  const samples = new Map<string, readonly Sample[]>();
  for (const one of sources.scores().slice(0, MAX_WORKLOADS)) {
    const labels = labelsOf(one);
    const key = JSON.stringify(labels);
    if (samples.has(key)) continue;
    samples.set(
      key,
      of(one).map((sample) => ({ ...sample, labels: { ...labels, ...sample.labels } })),
    );
  }
  return [...samples.values()].flat();
}

function labelsOf({ id, container }: ContainerScore): Record<string, string> {
  return {
    container: container?.name ?? id,
    pod: container?.pod?.name ?? container?.pod?.uid ?? "",
    namespace: container?.pod?.namespace ?? "",
  };
}
