import { METRICS, type MetricDefinition, type Sample } from "./metric-definitions.js";
import type { MetricSources } from "./metric-sources.js";
import { PROCESS_METRICS } from "./process-metrics.js";
import { WORKLOAD_METRICS } from "./workload-metrics.js";

export type { MetricSources } from "./metric-sources.js";

export interface Metrics {
  /** `text/plain; version=0.0.4; charset=utf-8`: the one format that is served. */
  readonly contentType: string;
  /** All metrics in the Prometheus text format, read from the sources now. */
  text(): Promise<string>;
}

/** What is served, for the documentation: name, type, labels and help of every metric. */
export const METRIC_DEFINITIONS: readonly Omit<MetricDefinition, "read">[] = [
  ...METRICS,
  ...WORKLOAD_METRICS,
  ...PROCESS_METRICS,
];

/**
 * The metrics over `sources`, in a registry of their own. prom-client is imported here and not at start-up:
 * it is needed at the first scrape.
 */
export async function createMetrics(sources: MetricSources): Promise<Metrics> {
  const { Counter, Gauge, Registry } = (await import("prom-client")).default;
  const registry = new Registry();
  const register = (
    { name, help, labels, type }: Omit<MetricDefinition, "read">,
    read: () => Iterable<Sample> | Promise<Iterable<Sample>>,
  ): void => {
    const base = { name, help, labelNames: [...labels], registers: [registry] };
    if (type === "counter") {
      new Counter({
        ...base,
        async collect() {
          const samples = await read();
          this.reset();
          for (const { labels, value } of samples) this.inc(labels ?? {}, value);
        },
      });
    } else {
      new Gauge({
        ...base,
        async collect() {
          const samples = await read();
          this.reset();
          for (const { labels, value } of samples) this.set(labels ?? {}, value);
        },
      });
    }
  };
  for (const metric of [...METRICS, ...WORKLOAD_METRICS]) register(metric, () => metric.read(sources));
  for (const metric of PROCESS_METRICS) register(metric, async () => [{ value: await metric.read() }]);
  return { contentType: registry.contentType, text: () => registry.metrics() };
}
