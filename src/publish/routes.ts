import { type Check, json, type Route } from "./http.js";
import { createMetrics, type MetricSources, type Metrics } from "./metrics.js";

/** The drain loop must have turned within this time, in milliseconds. */
const MAX_SILENCE_MS = 10_000;

/** `/metrics` in the Prometheus text format. The registry is made at the first scrape. */
export function metricsRoute(sources: MetricSources): Route {
  let metrics: Promise<Metrics> | null = null;
  return {
    path: "/metrics",
    open: true,
    title: "metrics in the Prometheus text format",
    async handle() {
      metrics ??= createMetrics(sources);
      const { contentType, text } = await metrics;
      return { status: 200, type: contentType, body: await text() };
    },
  };
}

/**
 * `/healthz`: 200 while the drain loop turns. `lastTurn` is when it last did, in milliseconds of
 * `performance.now()`; the loop must turn at least every few seconds even when nothing happens.
 */
export function healthRoute(lastTurn: () => number): Route {
  return {
    path: "/healthz",
    open: true,
    title: "200 while the agent lives and its drain loop turns",
    handle() {
      const silence = performance.now() - lastTurn();
      const ok = silence <= MAX_SILENCE_MS;
      return json(ok ? 200 : 503, { ok, seconds_since_drain: Math.max(0, Math.round(silence) / 1_000) });
    },
  };
}

/** `/readyz`: 200 when every check passes, else 503; the checks are in the answer. */
export function readyRoute(checks: () => readonly Check[]): Route {
  return {
    path: "/readyz",
    open: true,
    title: "200 when everything is attached and the first inventory is taken",
    handle() {
      const results = checks();
      const ready = results.every(({ ok }) => ok);
      return json(ready ? 200 : 503, { ready, checks: results });
    },
  };
}
