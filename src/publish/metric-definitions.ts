import { LOST_REASONS } from "./lost.js";
import type { MetricSources } from "./metric-sources.js";

/** One value of a metric; `labels` has exactly the names that the definition lists. */
export interface Sample {
  readonly labels?: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface MetricDefinition {
  readonly name: string;
  readonly type: "counter" | "gauge";
  readonly help: string;
  readonly labels: readonly string[];
  /** Current values. A counter's come from a source that only ever grows. */
  readonly read: (sources: MetricSources) => Iterable<Sample>;
}

const one = (value: number): readonly Sample[] => [{ value }];

function byLabel(name: string, values: ReadonlyMap<string, number>): readonly Sample[] {
  return [...values].map(([label, value]) => ({ labels: { [name]: label }, value }));
}

/** Every metric of Keyhole's own, in the order of the output and of its documentation. */
export const METRICS: readonly MetricDefinition[] = [
  {
    name: "keyhole_build_info",
    type: "gauge",
    help: "Always 1; the versions are in the labels.",
    labels: ["version", "libbpf", "node_version"],
    read: (s) => [{ labels: { ...s.build(), node_version: process.versions.node }, value: 1 }],
  },
  {
    name: "keyhole_ready",
    type: "gauge",
    help: "1 while every check of /readyz passes, else 0.",
    labels: [],
    read: (s) => one(s.ready() ? 1 : 0),
  },
  {
    name: "keyhole_events_total",
    type: "counter",
    help: "Events published, by type of event and, for system calls, by call.",
    labels: ["event", "syscall"],
    read: (s) =>
      [...s.events()].map(({ event, syscall, count }) => ({ labels: { event, syscall }, value: count })),
  },
  {
    name: "keyhole_filtered_events_total",
    type: "counter",
    help: "Calls that the configured filter left out.",
    labels: [],
    read: (s) => one(s.filteredEvents()),
  },
  {
    name: "keyhole_summarised_calls_total",
    type: "counter",
    help: "Failed calls of workloads beyond their rate, told in sums instead of one by one.",
    labels: [],
    read: (s) => one(s.summarisedCalls()),
  },
  {
    name: "keyhole_stories_open",
    type: "gauge",
    help: "Mounts that are under way, or detached and held by a descriptor.",
    labels: [],
    read: (s) => one(s.stories().open),
  },
  {
    name: "keyhole_stories_total",
    type: "counter",
    help: "Mount stories begun.",
    labels: [],
    read: (s) => one(s.stories().begun),
  },
  {
    name: "keyhole_lost_events_total",
    type: "counter",
    help: "Events lost, by reason.",
    labels: ["reason"],
    read: (s) =>
      byLabel("reason", new Map([...LOST_REASONS.map((reason) => [reason, 0] as const), ...s.lost()])),
  },
  {
    name: "keyhole_findings_open",
    type: "gauge",
    help: "Posture findings that are open now.",
    labels: ["rule", "severity"],
    read: (s) =>
      [...s.findingsOpen()].map(({ rule, severity, count }) => ({
        labels: { rule, severity },
        value: count,
      })),
  },
  {
    name: "keyhole_findings_total",
    type: "counter",
    help: "Findings since the start: each posture finding when it opens, each act.",
    labels: ["rule", "severity"],
    read: (s) =>
      [...s.findings()].map(({ rule, severity, count }) => ({ labels: { rule, severity }, value: count })),
  },
  {
    name: "keyhole_suppressed_findings_total",
    type: "counter",
    help: "Findings that were not published, by reason.",
    labels: ["reason"],
    read: (s) => byLabel("reason", s.suppressedFindings()),
  },
  {
    name: "keyhole_config_reloads_total",
    type: "counter",
    help: "Times that configuration and rules were read again, by result: on failure the old ones stay.",
    labels: ["result"],
    read: (s) => {
      const { succeeded, failed } = s.reloads();
      return [
        { labels: { result: "succeeded" }, value: succeeded },
        { labels: { result: "failed" }, value: failed },
      ];
    },
  },
  {
    name: "keyhole_config_last_reload_successful",
    type: "gauge",
    help: "0 while what the files of configuration and rules say cannot be used, and something older is.",
    labels: [],
    read: (s) => one(s.reloads().problem === null ? 1 : 0),
  },
  {
    name: "keyhole_config_last_reload_success_timestamp_seconds",
    type: "gauge",
    help: "When configuration and rules were reloaded last with success, 0 where they were not.",
    labels: [],
    read: (s) => one(s.reloads().lastSuccess),
  },
  {
    name: "keyhole_judgement_errors_total",
    type: "counter",
    help: "Containers and calls that could not be judged because something failed.",
    labels: [],
    read: (s) => one(s.judgementErrors()),
  },
  {
    name: "keyhole_evictions_total",
    type: "counter",
    help: "Entries that had to make room in a bounded table, by table.",
    labels: ["table"],
    read: (s) => [...s.evictions()].map(([table, value]) => ({ labels: { table }, value })),
  },
  {
    name: "keyhole_program_attached",
    type: "gauge",
    help: "1 for a BPF program that is attached, 0 for one that should be and is not.",
    labels: ["program"],
    read: (s) =>
      [...s.programs()].map(({ program, attached }) => ({ labels: { program }, value: attached ? 1 : 0 })),
  },
  {
    name: "keyhole_program_missed_total",
    type: "counter",
    help: "Runs of a BPF program that the kernel skipped because one was running on that CPU (recursion misses).",
    labels: ["program"],
    read: (s) => [...s.programs()].map(({ program, missed }) => ({ labels: { program }, value: missed })),
  },
  {
    name: "keyhole_ring_bytes",
    type: "gauge",
    help: "Size of the ring buffer.",
    labels: [],
    read: (s) => one(s.ring().size),
  },
  {
    name: "keyhole_ring_pending_bytes",
    type: "gauge",
    help: "Bytes in the ring buffer that have not been read yet.",
    labels: [],
    read: (s) => one(s.ring().pending),
  },
  {
    name: "keyhole_namespaces",
    type: "gauge",
    help: "Namespaces known, by type.",
    labels: ["ns_type"],
    read: (s) => byLabel("ns_type", s.namespaces()),
  },
  {
    name: "keyhole_mount_tables",
    type: "gauge",
    help: "Mount namespaces whose mounts are known, all of them (complete) or not all (incomplete).",
    labels: ["state"],
    read: (s) => {
      const { complete, incomplete } = s.mountTables();
      return byLabel("state", new Map(Object.entries({ complete, incomplete })));
    },
  },
  {
    name: "keyhole_mounts",
    type: "gauge",
    help: "Mounts known, of all mount namespaces.",
    labels: [],
    read: (s) => one(s.mountTables().mounts),
  },
  {
    name: "keyhole_mount_table_reads_total",
    type: "counter",
    help: "Mount tables read, by how.",
    labels: ["via"],
    read: (s) => byLabel("via", s.mountTables().read),
  },
  {
    name: "keyhole_mount_table_corrections_total",
    type: "counter",
    help: "Mount tables that a look in turn found otherwise than they were known, by what differed.",
    labels: ["cause"],
    read: (s) => byLabel("cause", s.mountTables().corrections),
  },
  {
    name: "keyhole_procfs_instances",
    type: "gauge",
    help: "Procfs superblocks of the node, mounted or not.",
    labels: [],
    read: (s) => one(s.procfsInstances()),
  },
  {
    name: "keyhole_look_duration_seconds",
    type: "gauge",
    help: "How long the last look for descriptors, mounts and procfs instances that hold namespaces took.",
    labels: [],
    read: (s) => one(s.lookSeconds()),
  },
  { name: "keyhole_tasks", type: "gauge", help: "Tasks known.", labels: [], read: (s) => one(s.tasks()) },
  {
    name: "keyhole_containers",
    type: "gauge",
    help: "Containers known.",
    labels: [],
    read: (s) => one(s.containers()),
  },
  {
    name: "keyhole_inventories_total",
    type: "counter",
    help: "Inventories of all tasks taken.",
    labels: [],
    read: (s) => one(s.inventory().count),
  },
  {
    name: "keyhole_inventory_duration_seconds",
    type: "gauge",
    help: "How long the last inventory took.",
    labels: [],
    read: (s) => one(s.inventory().lastSeconds),
  },
  {
    name: "keyhole_inventory_corrections_total",
    type: "counter",
    help: "Tasks that an inventory found otherwise than events had said, by cause.",
    labels: ["cause"],
    read: (s) => byLabel("cause", s.inventory().corrections),
  },
  {
    name: "keyhole_websocket_clients",
    type: "gauge",
    help: "WebSocket clients connected.",
    labels: [],
    read: (s) => one(s.websocket().clients),
  },
  {
    name: "keyhole_websocket_dropped_total",
    type: "counter",
    help: "Events not sent to a WebSocket client because it was too slow, over all clients.",
    labels: [],
    read: (s) => one(s.websocket().dropped),
  },
];
