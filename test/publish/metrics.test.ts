import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { createMetrics, METRIC_DEFINITIONS } from "../../src/publish/metrics.js";
import { sources } from "./fixtures/sources.js";

/** `name{labels} value` lines as a map. */
function samples(text: string): Map<string, number> {
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(
    lines.map((line) => {
      const space = line.lastIndexOf(" ");
      return [line.slice(0, space), Number(line.slice(space + 1))];
    }),
  );
}

test("promtool finds nothing to complain about", async () => {
  const text = await (await createMetrics(sources())).text();
  const { status, stdout, stderr } = spawnSync("promtool", ["check", "metrics"], {
    input: text,
    encoding: "utf8",
  });
  assert.equal(`${stdout}${stderr}`, "");
  assert.equal(status, 0);
});

test("every source arrives under its name, and only those and the process's own", async () => {
  const { contentType, text } = await createMetrics(sources());
  assert.equal(contentType, "text/plain; version=0.0.4; charset=utf-8");
  const own = [...samples(await text())].filter(([name]) => name.startsWith("keyhole_"));
  assert.deepEqual(Object.fromEntries(own), {
    [`keyhole_build_info{version="1.2.3",libbpf="1.5.0",node_version="${process.versions.node}"}`]: 1,
    keyhole_ready: 1,
    'keyhole_events_total{event="syscall",syscall="setns"}': 11,
    'keyhole_events_total{event="finding",syscall=""}': 12,
    keyhole_filtered_events_total: 13,
    keyhole_summarised_calls_total: 7,
    keyhole_stories_open: 2,
    keyhole_stories_total: 9,
    'keyhole_lost_events_total{reason="ring-full"}': 14,
    'keyhole_lost_events_total{reason="recursion"}': 0,
    'keyhole_lost_events_total{reason="buffers-taken"}': 0,
    'keyhole_lost_events_total{reason="clone-table-full"}': 0,
    'keyhole_lost_events_total{reason="ring-full-strings"}': 0,
    'keyhole_lost_events_total{reason="record-size"}': 0,
    'keyhole_lost_events_total{reason="ring-full-tasks"}': 0,
    'keyhole_lost_events_total{reason="summary-full"}': 0,
    'keyhole_lost_events_total{reason="opens-limit"}': 0,
    'keyhole_lost_events_total{reason="workload-limit"}': 0,
    'keyhole_lost_events_total{reason="decode"}': 0,
    'keyhole_lost_events_total{reason="stop"}': 0,
    'keyhole_lost_events_total{reason="stdout-queue"}': 0,
    'keyhole_lost_events_total{reason="record-queue"}': 0,
    'keyhole_lost_events_total{reason="record-error"}': 0,
    'keyhole_lost_events_total{reason="record-full"}': 0,
    'keyhole_lost_events_total{reason="record-value"}': 0,
    'keyhole_findings_open{rule="proc-unmasked",severity="critical"}': 15,
    'keyhole_findings_total{rule="proc-unmasked",severity="critical"}': 16,
    'keyhole_suppressed_findings_total{reason="exception"}': 17,
    'keyhole_config_reloads_total{result="succeeded"}': 33,
    'keyhole_config_reloads_total{result="failed"}': 34,
    keyhole_config_last_reload_successful: 0,
    keyhole_config_last_reload_success_timestamp_seconds: 35.5,
    keyhole_judgement_errors_total: 28,
    'keyhole_evictions_total{table="tasks"}': 29,
    'keyhole_program_attached{program="on_exit"}': 1,
    'keyhole_program_attached{program="on_clone"}': 0,
    'keyhole_program_missed_total{program="on_exit"}': 18,
    'keyhole_program_missed_total{program="on_clone"}': 0,
    keyhole_ring_bytes: 65536,
    keyhole_ring_pending_bytes: 19,
    'keyhole_namespaces{ns_type="mnt"}': 20,
    'keyhole_mount_tables{state="complete"}': 30,
    'keyhole_mount_tables{state="incomplete"}': 31,
    keyhole_mounts: 32,
    'keyhole_mount_table_reads_total{via="mountinfo"}': 33,
    'keyhole_mount_table_corrections_total{cause="propagation"}': 34,
    keyhole_procfs_instances: 35,
    keyhole_look_duration_seconds: 0.036,
    keyhole_tasks: 21,
    keyhole_containers: 22,
    keyhole_inventories_total: 23,
    keyhole_inventory_duration_seconds: 0.024,
    'keyhole_inventory_corrections_total{cause="missed-exit"}': 25,
    keyhole_websocket_clients: 26,
    keyhole_websocket_dropped_total: 27,
    'keyhole_containers_by_score{score="0"}': 0,
    'keyhole_containers_by_score{score="1-19"}': 0,
    'keyhole_containers_by_score{score="20-39"}': 0,
    'keyhole_containers_by_score{score="40-59"}': 0,
    'keyhole_containers_by_score{score="60-79"}': 0,
    'keyhole_containers_by_score{score="80-100"}': 1,
    'keyhole_container_score{container="app",pod="web",namespace="shop"}': 83,
    'keyhole_container_findings_open{container="app",pod="web",namespace="shop",severity="critical"}': 1,
    'keyhole_container_findings_open{container="app",pod="web",namespace="shop",severity="high"}': 0,
    'keyhole_container_findings_open{container="app",pod="web",namespace="shop",severity="medium"}': 2,
    'keyhole_container_findings_open{container="app",pod="web",namespace="shop",severity="low"}': 0,
    'keyhole_container_findings_open{container="app",pod="web",namespace="shop",severity="info"}': 0,
    keyhole_container_series_left_out: 0,
  });
});

test("the definitions are what is served: name, type and help", async () => {
  const text = await (await createMetrics(sources())).text();
  const served = [...text.matchAll(/^# HELP (\S+) (.*)\n# TYPE \S+ (\S+)$/gm)].map(
    ([, name, help, type]) => ({
      name,
      type,
      help,
    }),
  );
  assert.deepEqual(
    served,
    METRIC_DEFINITIONS.map(({ name, type, help }) => ({ name, type, help })),
  );
});

test("values are read at the scrape: a series that has gone is gone, counters take the new value", async () => {
  let open = 3;
  const metrics = await createMetrics(
    sources({
      tasks: () => open,
      filteredEvents: () => open * 2,
      summarisedCalls: () => open * 5,
      stories: () => ({ open: open, begun: open * 3 }),
      findingsOpen: () => (open === 3 ? [{ rule: "r", severity: "low", count: open }] : []),
    }),
  );
  const series = 'keyhole_findings_open{rule="r",severity="low"}';
  const before = samples(await metrics.text());
  assert.deepEqual([before.get("keyhole_tasks"), before.get(series)], [3, 3]);
  open = 4;
  const [after, again] = (await Promise.all([metrics.text(), metrics.text()])).map(samples);
  assert.deepEqual(
    [after!.get("keyhole_tasks"), after!.get(series), after!.get("keyhole_filtered_events_total")],
    [4, undefined, 8],
  );
  assert.equal(again!.get("keyhole_filtered_events_total"), 8);
});

test("the process's own values are those of the kernel", async () => {
  const got = samples(await (await createMetrics(sources())).text());
  const limits = readFileSync("/proc/self/limits", "utf8");
  assert.equal(got.get("process_max_fds"), Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1]));
  assert.ok(got.get("process_cpu_seconds_total")! > 0);
  assert.ok(got.get("process_open_fds")! > 3);
  const started = got.get("process_start_time_seconds")!;
  assert.ok(started < Date.now() / 1000 && started > Date.now() / 1000 - 3600);
  assert.ok(got.get("process_resident_memory_bytes")! > 10 * 1024 * 1024);
  assert.ok(got.get("nodejs_eventloop_lag_seconds")! >= 0);
});

test("single containers have series of their own only where that is wanted, and so many of them at most", async () => {
  const names = async (changes: Parameters<typeof sources>[0]) =>
    [...samples(await (await createMetrics(sources(changes))).text())].filter(([name]) =>
      /^keyhole_container_(?:score|findings_open)/.test(name),
    );
  assert.deepEqual(await names({ perWorkload: false }), []);
  const [one] = sources().scores();
  const many = Array.from({ length: 1_003 }, (_, index) => ({
    ...one!,
    container: { ...one!.container!, name: `app${index}` },
  }));
  const metrics = await createMetrics(sources({ scores: () => many }));
  const all = samples(await metrics.text());
  assert.equal([...all.keys()].filter((name) => name.startsWith("keyhole_container_score")).length, 1_000);
  assert.equal(all.get("keyhole_container_series_left_out"), 3);
  // two with the same names are one series, that of the more exposed
  const twins = [
    { ...one!, id: "a" },
    { ...one!, id: "b", score: 20 },
  ];
  const named = await names({ scores: () => twins });
  assert.equal(named.find(([name]) => name.startsWith("keyhole_container_score"))?.[1], 83);
});

test("the series of a container goes with it", async () => {
  let scores = sources().scores();
  const metrics = await createMetrics(sources({ scores: () => scores }));
  assert.match(await metrics.text(), /^keyhole_container_score\{/m);
  scores = [];
  assert.doesNotMatch(await metrics.text(), /^keyhole_container_(?:score|findings_open)\{/m);
});
