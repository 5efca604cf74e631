/**
 * The pipeline, wired: capture -> resolve -> exposures -> publish, with the inventory beside it. An event flows
 * from left to right once; what each stage does is in its own folder.
 */
import { Capture } from "./capture/capture.js";
import { Clock } from "./capture/clock.js";
import type { Config } from "./config/config.js";
import { version } from "./config/version.js";
import type { AgentEvent } from "./event.js";
import { readHostProcDev } from "./exposures/container-view.js";
import { describeInactive } from "./exposures/engine.js";
import type { Recorder } from "./exposures/recorder.js";
import type { LoadedRules } from "./exposures/rule-loader.js";
import { describeProblem } from "./exposures/rule-problems.js";
import { DETECTORS } from "./exposures/rule-set.js";
import { ExposureWatch } from "./exposures/watch.js";
import { HostPath } from "./kernel/host-path.js";
import { CLOCK_BOOTTIME, clockGettime, realtimeMinusBoottime } from "./kernel/libc.js";
import { nsfsSupport } from "./kernel/nsfs-support.js";
import { startRefusal } from "./kernel/privileges.js";
import { readProcTasks } from "./kernel/proc-tasks.js";
import type { Logger } from "./log.js";
import { LossReport } from "./loss-report.js";
import { Probes } from "./mounts/probes.js";
import { Stories } from "./mounts/stories.js";
import { NamespaceGraph } from "./namespaces/graph.js";
import { Inventory, type TaskSource } from "./namespaces/inventory.js";
import { Tasks } from "./namespaces/tasks.js";
import { NodeView } from "./node-view.js";
import { hostNamespaces, Opens } from "./opens.js";
import type { Publisher } from "./publish/publisher.js";
import { Records } from "./records.js";
import { KernelCopies } from "./resolve/kernel-copies.js";
import { SyscallResolver } from "./resolve/syscall.js";
import { Containers } from "./workloads/containers.js";

/** An inventory after a loss waits until this long after the one before, in milliseconds. */
const RESYNC_MS = 1_000;
/** Containers that run already are looked at this long after the first events, in milliseconds. */
const SETTLED_MS = 20;
/** How long what is still in the ring is published when the agent stops, in milliseconds. */
const DRAIN_MS = 400;
/** Failures that the log has a line for. */
const TOLD_FAILURES = 10;
/** Mount tables that changed are read this long after the first change, in milliseconds. */
const TABLES_MS = 500;
/** How often losses are looked for when no batch brings them up, in milliseconds. */
const TICK_MS = 1_000;

/** What not every agent has. */
export interface AgentParts {
  readonly recorder: Recorder | null;
  /** Null: they are read when the first events are out; calls wait for them. */
  readonly rules: LoadedRules | null;
}

/**
 * The rules that a configuration speaks of. Rejects with KEYHOLE_RULE_UNKNOWN and KEYHOLE_RULES. What it takes to read them is
 * loaded then: it is more than all else that the agent starts with.
 */
export async function readRules({ rules }: Config): Promise<LoadedRules> {
  const { loadRuleSetInSlices } = await import("./exposures/rule-loader.js");
  return loadRuleSetInSlices({ directory: rules.directory, overrides: rules });
}

export class Agent {
  readonly host: HostPath;
  readonly capture: Capture;
  readonly tasks = new Tasks();
  readonly graph: NamespaceGraph;
  readonly containers: Containers;
  readonly inventory: Inventory;
  readonly exposures: ExposureWatch;
  readonly stories: Stories;
  readonly view: NodeView;
  readonly losses: LossReport;
  readonly opens: Opens;
  /** What was read from files of rules, and what is wrong with them; null until that was done. */
  rules: LoadedRules | null;
  readonly #records: Records;
  readonly #config: Config;
  readonly #log: Logger;
  readonly #publisher: Publisher;
  readonly #clock = new Clock(realtimeMinusBoottime);
  readonly #resolver: SyscallResolver;
  readonly #copies = new KernelCopies();
  readonly #timers: NodeJS.Timeout[] = [];
  #fail: (error: unknown) => void = () => {};
  readonly #failed = new Promise<unknown>((resolve) => {
    this.#fail = resolve;
  });
  /** Opened when the first events are out: what it reads is no part of them. */
  #probes: Probes | null = null;
  #running: Promise<void> = Promise.resolve();
  #resync: NodeJS.Timeout | null = null;
  /** Until the next turn of reading mount tables. */
  #tables: NodeJS.Timeout | null = null;
  /** The inventory that is under way follows a loss. */
  #resyncing = false;
  #lastInventory = 0;
  #failures = 0;
  #lastTurn = performance.now();
  #isStopping = false;

  /**
   * Attaches the programs; nothing is published yet. Throws KEYHOLE_NOT_ROOT, KEYHOLE_NOT_HOST_PIDNS,
   * KEYHOLE_NO_BTF, KEYHOLE_CAPTURE and KEYHOLE_FILTER.
   */
  constructor(
    config: Config,
    publisher: Publisher,
    log: Logger,
    { recorder, rules }: AgentParts = { recorder: null, rules: null },
  ) {
    this.rules = rules;
    this.#config = config;
    this.#log = log;
    this.#publisher = publisher;
    this.host = new HostPath(config.host_root);
    const refusal = startRefusal(this.host);
    if (refusal !== null) throw refusal;
    this.capture = Capture.start({
      attach: config.attach,
      host: this.host,
      ringSize: config.ring.size,
      excludePid: config.filter.exclude_self ? process.pid : 0,
      rate: config.limits.rate,
      opens: config.opens === "off" ? null : hostNamespaces(this.host),
      filter: {
        cgroups: config.filter.cgroups,
        pidNamespaces: config.filter.pid_namespaces,
        uids: config.filter.uids,
      },
    });
    const { host, capture, tasks } = this;
    this.graph = new NamespaceGraph({ host });
    this.containers = new Containers({ host, hostNs: this.graph.anchors.host, graph: this.graph });
    this.#resolver = new SyscallResolver({
      clock: this.#clock,
      tasks,
      graph: this.graph,
      containers: this.containers,
      mountNamespaceIds: nsfsSupport().some(({ name, supported }) => name === "NS_GET_MNTNS_ID" && supported),
    });
    this.inventory = new Inventory({
      source: taskSource(capture, host, log),
      tasks,
      graph: this.graph,
      now: () => clockGettime(CLOCK_BOOTTIME),
    });
    this.exposures = new ExposureWatch({
      host,
      tasks,
      graph: this.graph,
      containers: this.containers,
      rules: rules?.rules ?? DETECTORS,
      wait: rules === null,
      seesOpens: () => this.opens.facts.seen,
      publish: (change) => this.#publisher.publish({ time: this.#now(), ...change }),
      log,
      recorder,
    });
    this.view = new NodeView({
      host,
      tasks,
      graph: this.graph,
      containerOf: (task) => this.containers.of(task),
      hostProcDev: readHostProcDev(host),
    });
    this.opens = new Opens(config.opens, capture.attachment);
    this.stories = new Stories({
      tasks,
      publish: (story) => {
        this.exposures.onStory(this.#publisher.publish(story));
        this.view.onStory(story);
      },
      clock: {
        now: () => clockGettime(CLOCK_BOOTTIME),
        format: (time) => this.#clock.format(time),
        isApplied: (time) => this.capture.ring.pending() === 0 || this.#records.applied >= time,
      },
      run: Math.floor(Date.now() / 1000).toString(36),
      onError: (error) => this.#tellFailure("looking at the files of stories", error),
    });
    const { graph, exposures, stories, view } = this;
    const [copies, resolver] = [this.#copies, this.#resolver];
    this.#records = new Records(
      { capture, tasks, graph, copies, resolver, publisher, exposures, stories, view },
      { onMounts: () => this.#readTablesSoon(), onError: (error) => this.#tellUndecoded(error) },
    );
    this.losses = new LossReport({
      ...{ capture, recorder, records: this.#records, now: () => this.#now() },
      publish: (event) => this.#publisher.publish(event),
    });
  }

  /** Judges by other rules from now on. */
  use(rules: LoadedRules): void {
    this.rules = rules;
    this.exposures.use(rules.rules);
  }

  /** Resolves when the agent cannot go on. */
  get failed(): Promise<unknown> {
    return this.#failed;
  }

  /** How often something failed that should not have: an inventory, a timer. */
  get failures(): number {
    return this.#failures;
  }

  /** What had to make room for something else, by where. */
  evictions(): ReadonlyMap<string, number> {
    const { findings, protections, memory } = this.exposures.engine.evictions();
    return new Map([
      ["findings", findings],
      ["protections", protections],
      ["decisions", this.exposures.engine.decisions.evictions],
      ["rule-memory", memory],
      ["origins", this.exposures.origins.evictions],
      ["containers", this.containers.evictions],
      ["namespaces", this.graph.stats().evicted],
      ["tasks", this.tasks.refused],
      ["clones", this.#resolver.evictions],
      ["copies", this.#copies.evictions],
      ["mount-claims", this.#resolver.mountEvictions],
      ["stories", this.stories.stats.expired + this.stories.stats.evicted],
      ["procfs-instances", this.view.history.evictions],
    ]);
  }

  /** When the drain loop turned last, in milliseconds of `performance.now()`. */
  get lastTurn(): number {
    return this.#lastTurn;
  }

  /** Takes the inventory, says that the agent has started, looks at what runs already, and follows events. */
  start(details: Readonly<Record<string, unknown>>): void {
    // the programs are attached: what happens from here on waits in the ring until the inventory is in
    this.inventory.read();
    this.inventory.settle(null);
    this.tell({ state: "started", ...this.#facts(), ...details });
    this.#running = this.capture.run(this.#records.take, this.#onBatch);
    this.#running.catch((error) => {
      this.#log.error("the drain loop ended", { error: String(error) });
      this.#fail(error);
    });
    // what waited in the ring goes out first
    this.#timers.push(setTimeout(() => void this.#readRules(), SETTLED_MS));
    this.#every(this.#config.inventory.interval, () => this.#readInventory());
    this.#every(TICK_MS, () => {
      this.#tellSummaries();
      this.#checkLosses();
    });
  }

  /** Reads the rules if that was not done, and looks at what runs already. */
  async #readRules(): Promise<void> {
    try {
      const rules = this.rules ?? (await readRules(this.#config));
      for (const problem of rules.problems) this.#log.error(`rules: ${describeProblem(problem)}`);
      if (rules.omitted > 0) this.#log.error(`rules: ${rules.omitted} more problems`);
      if (this.#isStopping) return;
      if (this.rules === null) this.use(rules);
    } catch (error) {
      this.#log.error("the rules cannot be read", { error: String(error) });
      this.#fail(error);
      return;
    }
    this.#guard("what runs already", () => this.#look());
  }

  #look(): void {
    this.opens
      .watch(this.capture, this.host)
      .then((entries) => entries !== null && this.#resolver.useEntries(entries))
      .catch((error) => this.#tellFailure("reading the catalogue of opens", error));
    this.#probes = Probes.open(this.host);
    this.exposures.start(this.#probes?.superblocks ?? null);
    const inactive = this.exposures.inactive();
    if (inactive.length > 0)
      this.#log.warn("some rules are inactive", { rules: inactive.map(describeInactive) });
    if (this.#probes !== null) {
      this.stories.look(this.#probes.files);
      this.view.use(this.#probes);
    }
    this.#lookAround();
  }

  /** What the kernel shows only to who looks; mount tables in turns, between which the ring is read. */
  #lookAround(): void {
    this.view.look();
    this.exposures.onDescriptors(this.view.detached);
    this.#readTables();
  }

  #readTablesSoon(): void {
    // what there is at the first look is read by it
    if (this.view.looks > 0) this.#tables ??= setTimeout(this.#readTables, TABLES_MS);
  }

  readonly #readTables = (): void => {
    if (this.#tables !== null) clearTimeout(this.#tables);
    this.#tables = null;
    this.#guard("mount tables", () => {
      if (this.view.readTables()) this.#tables = setTimeout(this.#readTables);
    });
  };

  /** Detaches, publishes what is still in the ring, and says goodbye. */
  async stop(reason: string): Promise<void> {
    this.#isStopping = true;
    for (const timer of this.#timers) clearInterval(timer);
    if (this.#resync !== null) clearTimeout(this.#resync);
    this.capture.detach();
    this.capture.stop();
    // how it ended was told where it ended
    await this.#running.catch(() => {});
    this.losses.tell("stop", await this.capture.drainUntil(performance.now() + DRAIN_MS, this.#records.take));
    this.#tellSummaries();
    this.#checkLosses();
    this.losses.checkMissed();
    this.exposures.stop();
    this.stories.close();
    // the last records may have asked for one more reading
    if (this.#tables !== null) clearTimeout(this.#tables);
    this.view.close();
    this.#probes?.close();
    this.tell({ state: "stopping", reason });
    this.capture.close();
  }

  readonly #onBatch = (): void => {
    this.#guard("the end of a batch", () => {
      this.#lastTurn = performance.now();
      this.#settleInventory();
      this.#checkLosses();
    });
  };

  #readInventory(): void {
    this.#lastInventory = performance.now();
    this.#clock.adjust();
    this.inventory.read();
    this.#settleInventory();
    this.losses.checkMissed();
  }

  #settleInventory(): void {
    const isDrained = this.capture.ring.pending() === 0;
    if (!this.inventory.settle(isDrained ? null : this.#records.applied)) return;
    this.#log.debug("inventory", { ...this.inventory.corrections, tasks: this.tasks.size });
    this.exposures.onInventory();
    // the first look waits until the first events are out
    if (this.view.looks > 0) this.#guard("the holders of namespaces", () => this.#lookAround());
    if (!this.#resyncing) return;
    this.#resyncing = false;
    this.tell({ state: "inventory", reason: "events were lost", tasks: this.tasks.size });
  }

  /** Says what was lost since the last look, and has what it would have told read anew. */
  #checkLosses(): void {
    // with nothing to read there is no turn to wait for
    if (this.capture.ring.pending() === 0) this.#lastTurn = performance.now();
    if (!this.losses.check()) return;
    const wait = Math.max(0, this.#lastInventory + RESYNC_MS - performance.now());
    this.#resync ??= setTimeout(() => {
      this.#resync = null;
      this.#resyncing = true;
      this.#guard("an inventory", () => this.#readInventory());
    }, wait);
  }

  /** Failed calls that were counted in the kernel, because their workload made too many of them. */
  #tellSummaries(): void {
    const isGone = (pid: number, start: bigint) => this.tasks.get(pid)?.start !== start;
    for (const summary of this.capture.summaries.take(isGone)) {
      const event = this.#resolver.summarise(summary);
      if (event !== null) this.#publisher.publish(event);
    }
  }

  /** Publishes something that the agent says of itself. */
  tell(event: { readonly state: AgentEvent["state"]; readonly [detail: string]: unknown }): void {
    this.#publisher.publish<AgentEvent>({ type: "agent", time: this.#now(), ...event });
  }

  /** What this kernel lets the agent do, for the first event. */
  #facts(): Record<string, unknown> {
    const { mode, reason, loaded, lacks } = this.capture.attachment;
    const lacking = nsfsSupport().filter(({ supported }) => !supported);
    return {
      version: version(),
      attach: mode,
      attach_reason: reason,
      object: loaded.name,
      lacks,
      programs: this.capture.reports,
      opens: this.opens.facts,
      inventory: this.inventory.via,
      fallbacks: lacking.map(({ name, fallback, lacks }) => ({ name, fallback, lacks })),
      tasks: this.tasks.size,
    };
  }

  /** What fails here (no descriptor left, a file that is gone) must not end the agent: it is counted, and told. */
  #guard(what: string, act: () => void): void {
    try {
      act();
    } catch (error) {
      this.#tellFailure(what, error);
    }
  }

  #tellUndecoded(error: unknown): void {
    this.#log.error("a record could not be told", { error: error instanceof Error ? error.stack : error });
  }

  #tellFailure(what: string, error: unknown): void {
    this.#failures++;
    if (this.#failures <= TOLD_FAILURES) this.#log.error(`${what} failed`, { error: String(error) });
  }

  #now(): string {
    return this.#clock.format(clockGettime(CLOCK_BOOTTIME));
  }

  #every(milliseconds: number, act: () => void): void {
    this.#timers.push(setInterval(() => this.#guard("a timer", act), milliseconds));
  }
}

function taskSource({ iterator }: Capture, host: HostPath, log: Logger): TaskSource {
  if (iterator !== null)
    return { via: "bpf", read: () => iterator.read(), namespaces: () => iterator.namespaces };
  log.warn("no BPF iterator: tasks are read from /proc");
  return { via: "proc", read: () => readProcTasks(host) };
}
