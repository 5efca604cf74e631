import { readdirSync, readFileSync } from "node:fs";
import type { MetricDefinition } from "./metric-definitions.js";

/** Names and meanings are those of the Prometheus client libraries (process_*) and of prom-client (nodejs_*). */
type ProcessMetric = Omit<MetricDefinition, "read"> & { readonly read: () => number | Promise<number> };

/**
 * Metrics of the agent's own process. Picked by hand: prom-client's default set has gauges that end in
 * `_total`, and its event loop histogram costs a timer every 10 ms.
 */
export const PROCESS_METRICS: readonly ProcessMetric[] = [
  {
    name: "process_cpu_seconds_total",
    type: "counter",
    help: "Total user and system CPU time spent in seconds.",
    labels: [],
    read: () => {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1e6;
    },
  },
  {
    name: "process_resident_memory_bytes",
    type: "gauge",
    help: "Resident memory size in bytes.",
    labels: [],
    read: () => process.memoryUsage.rss(),
  },
  {
    name: "process_start_time_seconds",
    type: "gauge",
    help: "Start time of the process since unix epoch in seconds.",
    labels: [],
    read: () => STARTED,
  },
  {
    name: "process_open_fds",
    type: "gauge",
    help: "Number of open file descriptors.",
    labels: [],
    read: () => readdirSync("/proc/self/fd").length,
  },
  {
    name: "process_max_fds",
    type: "gauge",
    help: "Maximum number of open file descriptors.",
    labels: [],
    read: () => Number(/^Max open files +(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8"))?.[1]),
  },
  {
    name: "nodejs_heap_size_used_bytes",
    type: "gauge",
    help: "Process heap size used from Node.js in bytes.",
    labels: [],
    read: () => process.memoryUsage().heapUsed,
  },
  {
    name: "nodejs_eventloop_lag_seconds",
    type: "gauge",
    help: "Lag of event loop in seconds, measured at the scrape.",
    labels: [],
    read: async () => {
      const start = process.hrtime.bigint();
      await new Promise((resolve) => setImmediate(resolve));
      return Number(process.hrtime.bigint() - start) / 1e9;
    },
  },
];

const STARTED = Date.now() / 1000 - process.uptime();
