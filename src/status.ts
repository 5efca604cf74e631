/** What the agent tells about itself: the checks of /readyz and the values of the metrics. */
import { loadLibbpf } from "@keyhole/libbpf";
import type { Agent } from "./agent.js";
import type { Config } from "./config/config.js";
import { version } from "./config/version.js";
import { describeInactive, type InactiveRule } from "./exposures/engine.js";
import type { LoadedRules } from "./exposures/rule-loader.js";
import { describeProblem } from "./exposures/rule-problems.js";
import { allRules } from "./exposures/rule-set.js";
import type { Check } from "./publish/http.js";
import type { MetricSources } from "./publish/metric-sources.js";
import type { Publisher } from "./publish/publisher.js";
import type { StdoutSink } from "./publish/stdout.js";
import type { Tail } from "./publish/tail.js";
import type { Reload } from "./reload.js";

/** Ready is an agent whose programs are all attached and that knows who is in which namespace. */
export function readyChecks(agent: Agent, reload: Reload): Check[] {
  return [
    ...agent.capture.reports.map(({ program, attached, detail, lacks }) => ({
      name: `program ${program}`,
      ok: attached,
      detail: attached ? detail : `${detail}; lost without it: ${lacks}`,
    })),
    {
      name: "inventory",
      ok: agent.inventory.count > 0,
      detail: `${agent.tasks.size} tasks by ${agent.inventory.via}, ${agent.inventory.count} taken`,
    },
    {
      name: "procfs superblocks",
      ok: agent.exposures.seesSuperblocks,
      detail: agent.exposures.seesSuperblocks
        ? "read by BPF"
        : "not readable: the pid namespace of a procfs in a container is not known",
    },
    {
      name: "holders of namespaces",
      ok: true,
      detail: agent.view.leftOut === null ? "all found" : `left out: ${agent.view.leftOut}`,
    },
    {
      name: "drain loop",
      ok: agent.failures === 0,
      detail: `${agent.failures} failures of inventories and timers; the log has the first ones`,
    },
    {
      name: "configuration",
      // the one before is in use, and that is one that was good
      ok: true,
      detail:
        reload.state.problem === null
          ? `in use, reloaded ${reload.state.succeeded} times`
          : `what is there now cannot be used, the one before stays: ${reload.state.problem}`,
    },
    {
      name: "exposures",
      ok: true,
      detail: `${agent.exposures.errors} failures to judge, ${agent.exposures.refused} calls judged by arguments alone`,
    },
    {
      name: "rules",
      ok: true,
      detail: rulesDetail(agent.rules, agent.exposures.inactive()),
    },
    {
      name: "opens",
      ok: agent.opens.isReady,
      detail: agent.opens.detail,
    },
  ];
}

/** A broken file is no reason to be not ready: all other rules are looked at. */
function rulesDetail(loaded: LoadedRules | null, inactive: readonly InactiveRule[]): string {
  if (loaded === null) return "not read yet";
  const { rules, problems, omitted } = loaded;
  const all = `${allRules(rules).length} rules`;
  const lacking = `${inactive.length} inactive: ${inactive.map(describeInactive).join("; ")}`;
  const count = inactive.length === 0 ? all : `${all}, ${lacking}`;
  const [first] = problems;
  if (first === undefined) return count;
  return `${count}; ${problems.length + omitted} problems in files of rules, the first: ${describeProblem(first)}`;
}

export interface Outputs {
  readonly publisher: Publisher;
  readonly tail: Tail | null;
  readonly stdout: StdoutSink | null;
  readonly reload: Reload;
}

export function metricSources(
  agent: Agent,
  { publisher, tail, stdout, reload }: Outputs,
  { metrics }: Pick<Config, "metrics">,
): MetricSources {
  const { capture, inventory, exposures, graph } = agent;
  return {
    build: () => ({ version: version(), libbpf: loadLibbpf().version }),
    ready: () => readyChecks(agent, reload).every(({ ok }) => ok),
    events: () => publisher.counts(),
    filteredEvents: () => Number(capture.filtered()),
    summarisedCalls: () => Number(capture.summaries.total()),
    stories: () => agent.stories.stats,
    lost: () => new Map([...agent.losses.totals(), ["stdout-queue", stdout?.lost ?? 0]]),
    findingsOpen: () => exposures.engine.open(),
    findings: () => exposures.totals(),
    reloads: () => reload.state,
    scores: () => exposures.scores(),
    perWorkload: metrics.per_workload,
    judgementErrors: () => exposures.errors,
    evictions: () => agent.evictions(),
    suppressedFindings: () => exposures.engine.suppressed(),
    programs: () => {
      const missed = capture.missed();
      return capture.reports.map(({ program, attached }) => ({
        program,
        attached,
        missed: Number(missed[program] ?? 0n),
      }));
    },
    ring: () => ({ size: capture.ring.size, pending: capture.ring.pending() }),
    namespaces: () => new Map(Object.entries(graph.stats().live)),
    mountTables: () => {
      const { tables, incomplete, mounts, mountinfo, statmount, found } = agent.view.tables.stats;
      return {
        complete: tables - incomplete,
        incomplete,
        mounts,
        read: new Map(Object.entries({ mountinfo, statmount })),
        corrections: new Map(Object.entries(found)),
      };
    },
    procfsInstances: () => agent.view.superblocks,
    lookSeconds: () => agent.view.lastSeconds,
    tasks: () => agent.tasks.size,
    containers: () => exposures.size,
    inventory: () => ({
      count: inventory.count,
      lastSeconds: inventory.lastSeconds,
      corrections: new Map(Object.entries(inventory.corrections)),
    }),
    websocket: () => ({ clients: tail?.clients ?? 0, dropped: tail?.dropped ?? 0 }),
  };
}
