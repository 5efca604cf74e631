import { METRIC_DEFINITIONS } from "../../src/publish/metrics.js";
import { assertSameKeys, code, table } from "./page.js";

/** What each label's values are. */
const LABELS: Readonly<Record<string, string>> = {
  cause:
    "what a look found that events had not told: of a task `appeared`, `vanished` or `moved`; of a mount table `mounts`, `paths`, `attributes`, `propagation` or `superblock`",
  container: "name of a container, its id where that is not known",
  event: "type of the event: `syscall`, `finding`, `lost`, `agent` ([events](events.md))",
  result: "`succeeded` or `failed`",
  libbpf: "version of the libbpf that was loaded",
  namespace: "Kubernetes namespace of the pod; empty where that is not known",
  node_version: "version of Node.js",
  ns_type: "`mnt`, `uts`, `ipc`, `net`, `pid`, `user`, `cgroup` or `time`",
  pod: "name of the pod, its uid where that is not known; empty for a container without",
  program: "name of a BPF program; `keyhole doctor` lists them",
  table: "the table of the agent in which something had to make room",
  reason:
    "why events were lost ([reasons](events.md#lost)), or why findings were not published ([rules](rules.md))",
  rule: "id of the rule ([rules](rules.md))",
  score: "how exposed containers are, from the first to the second ([scores](scores.md))",
  severity: "`critical`, `high`, `medium`, `low` or `info`",
  state: "`complete`, or `incomplete` where not every mount is known",
  syscall: "name of the system call, empty for what is none",
  version: "version of Keyhole",
  via: "`mountinfo` of /proc/PID, or `statmount`(2)",
};

/** All metrics and their labels. */
export function metrics(): string {
  const labels = new Set(METRIC_DEFINITIONS.flatMap((metric) => metric.labels));
  assertSameKeys("labels of metrics", labels, Object.keys(LABELS));
  const rows = METRIC_DEFINITIONS.map(({ name, type, labels, help }) => [
    code(name),
    type,
    labels.map(code).join(", "),
    help,
  ]);
  const meanings = Object.entries(LABELS).map(([label, meaning]) => [code(label), meaning]);
  return `${table(["Metric", "Type", "Labels", "Meaning"], rows)}\n\n${table(["Label", "Values"], meanings)}`;
}
