import type { StoryEvent, SyscallEvent } from "../event.js";
import type { HostPath } from "../kernel/host-path.js";
import { LINK_INDEX } from "../kernel/links.js";
import type { Logger } from "../log.js";
import { CHANGES_MOUNTS, changesRoot, changesSuperblock, reconfigures } from "../mounts/mount-changes.js";
import type { ProcfsSuperblock, ProcfsSuperblocks } from "../mounts/superblocks.js";
import { ancestorsOf } from "../namespaces/ancestors.js";
import type { NamespaceGraph } from "../namespaces/graph.js";
import type { ProcfsFile } from "../namespaces/open-files.js";
import type { Task } from "../namespaces/task.js";
import type { Tasks } from "../namespaces/tasks.js";
import type { Containers } from "../workloads/containers.js";
import { Origins } from "../workloads/origins.js";
import { ownContainer } from "../workloads/own-container.js";
import { representatives } from "../workloads/representatives.js";
import { isRuntimeAtWork } from "../workloads/runtimes.js";
import { availableFacts } from "./available-facts.js";
import { Budget } from "./budget.js";
import type { ContainerView } from "./container-view.js";
import { ContainerViews } from "./container-views.js";
import { detachedByContainer, sameFiles } from "./detached-files.js";
import { Exposures, type InactiveRule } from "./engine.js";
import type { FindingCount } from "./finding-counts.js";
import type { FindingChange } from "./findings.js";
import { Instances } from "./instances.js";
import { QUIET_MS, QuietContainers } from "./quiet-containers.js";
import type { EngineInputs, Recorder } from "./recorder.js";
import type { Fact } from "./rule.js";
import type { RuleSet } from "./rule-set.js";
import { type ContainerScore, noScore, scores } from "./score.js";
import { Waiting } from "./waiting.js";

export interface ExposureWatchOptions {
  readonly host: HostPath;
  readonly tasks: Tasks;
  readonly graph: NamespaceGraph;
  readonly containers: Containers;
  readonly rules: RuleSet;
  /** Others than `rules` are to come by {@link ExposureWatch.use}: what happens until then is judged by them. */
  readonly wait: boolean;
  /** Whether files that containers open are looked at; asked at the start. */
  readonly seesOpens: () => boolean;
  readonly publish: (change: FindingChange) => void;
  readonly log: Logger;
  /** Writes down what the rules are told. */
  readonly recorder?: Recorder | null;
}

/**
 * A container that a program of the host is still making is looked at so long after it was first to be, in milliseconds.
 */
const MAKING_MS = 5_000;
/** How long containers are looked at before the ring is read again, in milliseconds. */
const SLICE_MS = 20;
/** How long rules are tried out before they are used, in milliseconds. */
const TRY_MS = 50;
/** The key of the reading of superblocks among the budgets; no container has such an id. */
const SUPERBLOCKS = "procfs superblocks";
/** Repetitions of an error that are told. */
const TOLD_ERRORS = 10;

/** What the kernel's list of procfs superblocks is needed for. */
const OF_SUPERBLOCKS: ReadonlySet<Fact> = new Set(["procfs-pid-namespace", "procfs-options"]);

/**
 * Decides which container is looked at when: all that run at the start, one that appears, and one whose mounts
 * changed, as soon as it is quiet. Hands calls to the rules about acts, and what comes of it all to `publish`.
 */
export class ExposureWatch {
  readonly #options: ExposureWatchOptions;
  readonly #engine: Exposures;
  /** Whose program each process runs: what tells runtimes from what they run. */
  readonly origins: Origins;
  /** The engine, with somebody who takes notes where that is wanted. */
  readonly #inputs: EngineInputs;
  /** Opened by start(): what is read here is no part of the first event. */
  #instances: Instances | null = null;
  readonly #views: ContainerViews;
  /** Containers by id, with the task that stands for each. */
  readonly #known = new Map<string, Task>();
  readonly #quiet = new QuietContainers();
  /** Of looking at mount tables in the middle of a call, by container; and of reading the procfs superblocks. */
  readonly #budget = new Budget();
  /** The last call that can have given a procfs other options, until the instances have been read after it. */
  #reconfigured: SyscallEvent | null = null;
  #timer: NodeJS.Timeout | null = null;
  #errors = 0;
  /** What the node can tell rules; null until the start. */
  #facts: ReadonlySet<Fact> | null = null;
  readonly #waiting: Waiting;

  constructor(options: ExposureWatchOptions) {
    const { host, graph, rules, containers } = options;
    this.#options = options;
    const superblocks = () => this.superblocks;
    this.#views = new ContainerViews({ host, graph, containers, known: this.#known, superblocks });
    const { hostNs, hostProcDev } = this.#views;
    const recorder = options.recorder ?? null;
    recorder?.begin({ hostNs, hostProcDev, rules });
    this.#engine = new Exposures({ rules, hostProcDev, ...(recorder !== null && { now: recorder.now }) });
    this.#inputs = recorder?.around(this.#engine) ?? this.#engine;
    this.#waiting = new Waiting(options.wait);
    this.origins = new Origins({ hostNs, containerOf: (task) => containers.of(task) });
  }

  /** Whether the kernel can be asked whose processes a procfs shows. */
  get seesSuperblocks(): boolean {
    return this.superblocks !== null;
  }

  /** The procfs superblocks of the node by device number; null where the kernel cannot be asked. */
  get superblocks(): ReadonlyMap<string, ProcfsSuperblock> | null {
    return this.#instances?.byDev ?? null;
  }

  /** How often something could not be judged. */
  get errors(): number {
    return this.#errors;
  }

  /** How often a call was judged by its arguments alone, because looking had cost too much before. */
  get refused(): number {
    return this.#budget.refused;
  }

  /** How many containers run. */
  get size(): number {
    return this.#known.size;
  }

  get engine(): Exposures {
    return this.#engine;
  }

  /** How exposed each running container is, the worst first. */
  scores(): ContainerScore[] {
    const found = scores(this.#engine.findings());
    const ids = new Set(found.map(({ id }) => id));
    const clean = [...this.#known].filter(([id]) => !ids.has(id));
    const refs = clean.map(([, task]) => this.#options.containers.of(task)).filter((one) => one !== null);
    return [...found, ...refs.map(noScore)];
  }

  /** See {@link Exposures.totals}. */
  totals(): FindingCount[] {
    return this.#engine.totals();
  }

  /** The rules in use that lack one of their facts here; none is known before the start. */
  inactive(): InactiveRule[] {
    return this.#facts === null ? [] : Exposures.inactive(this.#engine.rules, this.#facts);
  }

  /** Looks at every container that runs now; `superblocks` is null where the kernel cannot be asked. */
  start(superblocks: ProcfsSuperblocks | null): void {
    this.#guard("procfs instances", () => {
      this.#instances = new Instances(superblocks);
    });
    const { recorder, host, seesOpens } = this.#options;
    const isKnown = (fact: Fact) => superblocks !== null || !OF_SUPERBLOCKS.has(fact);
    this.#facts = new Set([...availableFacts(host, { opens: seesOpens() })].filter(isKnown));
    recorder?.facts([...this.#facts]);
    this.onInventory();
    this.#quiet.hurry();
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#lookAtQuiet();
  }

  stop(): void {
    this.#judgeWaiting();
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  /** Finds containers that appeared and that are gone. */
  onInventory(): void {
    const { host, tasks, containers } = this.#options;
    this.origins.onInventory(tasks.values());
    this.#inputs.leaveOut(ownContainer(host, containers, (pid) => tasks.get(pid)));
    // exceptions rest on names
    for (const id of containers.nameAgain()) if (this.#known.has(id)) this.#stir(id);
    const running = representatives(tasks.values(), (task) => containers.of(task), this.#views.hostNs);
    const ids = new Set(running.map(({ container }) => container.id));
    for (const id of [...this.#known.keys()].filter((known) => !ids.has(known))) {
      this.#known.delete(id);
      this.#quiet.take(id);
      this.#budget.forget(id);
      this.#publish(this.#inputs.gone(id, "the container has ended"));
    }
    for (const { container, task } of running) {
      if (task === null) continue;
      const before = this.#known.get(container.id);
      this.#known.set(container.id, task);
      if (before === undefined || before.pid !== task.pid || before.start !== task.start)
        this.#stir(container.id);
    }
    this.#guard("procfs instances", () => {
      if (this.#reconfigured !== null) this.#instances?.refresh();
      this.#tellSteps();
      this.#reconfigured = null;
      // calls from before the inventory have been seen: what none of them explains was none that is captured
      this.#instances?.takeSteps();
      this.#instances?.refresh();
    });
  }

  /** A process was made by the thread `parentTid`. */
  onFork(child: Task, parentTid: number): void {
    this.origins.onFork(child, this.#options.tasks.get(parentTid));
  }

  /** Takes what the last look at descriptors found on procfs mounts that are in no mount table; null: it found out nothing. */
  onDescriptors(files: readonly ProcfsFile[] | null): void {
    const { tasks, containers } = this.#options;
    const before = this.#views.detached;
    this.#views.detached =
      files === null
        ? null
        : detachedByContainer(files, {
            hostNs: this.#views.hostNs,
            taskOf: (pid) => tasks.get(pid),
            containerOf: (task) => containers.of(task)?.id ?? null,
          });
    for (const id of this.#known.keys())
      if (!sameFiles(before?.get(id), this.#views.detached?.get(id))) this.#stir(id);
  }

  /** A program was started: it may be the first of a container. */
  onExec(task: Task): void {
    this.origins.onExec(task);
    const mnt = task.ns[LINK_INDEX.mnt];
    if (mnt === 0 || mnt === this.#views.hostNs[LINK_INDEX.mnt]) return;
    const container = this.#options.containers.of(task);
    if (container === null) return;
    // what its runtime knows of it is written before its program starts, and exceptions rest on it from the first act on
    this.#options.containers.nameAgain(container);
    const other = this.#known.get(container.id);
    const lives = other !== undefined && this.#options.tasks.of(other) !== undefined;
    if (lives && (other.start < task.start || other.pid !== task.pid)) return;
    this.#known.set(container.id, task);
    this.#stir(container.id);
  }

  /** A call was published: the rules about acts are asked, and its container is looked at when it is quiet. */
  onCall(event: SyscallEvent, task: Task): void {
    const changesMounts = event.ret !== null && event.ret >= 0 && CHANGES_MOUNTS.has(event.syscall);
    if (changesMounts && changesRoot(event)) this.#options.containers.reconsider(task);
    if (changesMounts && changesSuperblock(event)) {
      this.#guard("procfs instances", () => {
        // one that is not read now is found by the next reading, and told with the call that it follows
        this.#budget.run(SUPERBLOCKS, () => this.#instances?.refresh());
        // a call that made a new one changed no other: what is different waits for a call that can have done it
        if (!reconfigures(event)) return;
        this.#reconfigured = event;
        this.#tellSteps();
      });
    }
    const { container } = event;
    if (container !== null && changesMounts && this.#known.has(container.id)) this.#stir(container.id);
    const { hostNs } = this.#views;
    try {
      if (!this.#waiting.isOpen && !this.#inputs.concerns(event, hostNs)) return;
      const after = () => {
        if (container === null) return null;
        return this.#budget.run(container.id, () => this.#views.look(container, task));
      };
      const context = {
        hostNs,
        parentNs: this.#options.tasks.get(task.ppid)?.ns ?? null,
        origin: this.origins.of(task),
        entered: () => this.#options.containers.of(task) ?? this.#options.containers.owning(task.ns),
        ancestors: () => ancestorsOf(task, this.#options.tasks),
        after,
      };
      this.#waiting.judge(() => this.#publish(this.#inputs.act(event, context)));
    } catch (error) {
      this.#failed("rules about acts", error);
    }
  }

  /** A story was published: the rules about stories are asked. */
  onStory(event: StoryEvent): void {
    if (event.container === null) return;
    this.#guard("rules about stories", () => {
      const { tasks } = this.#options;
      const { exe, parent, pid, ppid, start } = event.process;
      const origin = this.origins.of({ pid, start: BigInt(start) });
      const parentNs = tasks.get(ppid)?.ns ?? null;
      const lineage = { exe, parentExe: parent?.exe ?? null, parentNs, origin };
      const { hostNs } = this.#views;
      const context = { hostNs, isRuntime: isRuntimeAtWork(lineage, hostNs) };
      this.#waiting.judge(() => this.#publish(this.#inputs.story(event, context)));
    });
  }

  /**
   * Judges the containers that run by `rules`, for some milliseconds, and forgets what comes of it: throws what a rule
   * throws. Returns how many it came to.
   */
  tryOut(rules: RuleSet): number {
    const engine = new Exposures({ rules, hostProcDev: this.#views.hostProcDev });
    const until = performance.now() + TRY_MS;
    let tried = 0;
    for (const task of this.#known.values()) {
      if (performance.now() >= until) break;
      let view: ContainerView | null = null;
      // what cannot be read is no fault of the rules
      this.#guard("posture", () => {
        view = this.#views.of(task);
      });
      if (view === null) continue;
      engine.posture(view);
      tried++;
    }
    return tried;
  }

  /** Looks at every container again, with other rules from now on. */
  use(rules: RuleSet): void {
    this.#inputs.use(rules);
    this.#judgeWaiting();
    for (const id of this.#known.keys()) this.#stir(id);
  }

  #judgeWaiting(): void {
    this.#waiting.end((judge) => this.#guard("what had to wait for its rules", judge));
  }

  /** What has become of procfs instances since {@link #reconfigured}, as far as it was read. */
  #tellSteps(): void {
    const event = this.#reconfigured;
    if (event === null) return;
    for (const { before, after } of this.#instances?.takeSteps() ?? []) {
      this.#publish(this.#inputs.instanceChanged(before, after, event));
    }
  }

  #stir(id: string): void {
    this.#quiet.stir(id);
    this.#timer ??= setTimeout(() => this.#lookAtQuiet(), QUIET_MS);
  }

  #lookAtQuiet(): void {
    this.#timer = null;
    if (this.#waiting.isOpen) return;
    const now = performance.now();
    const due = this.#quiet.due();
    if (due.length > 0) {
      this.#guard("procfs instances", () => {
        this.#instances?.refresh();
        this.#tellSteps();
        this.#reconfigured = null;
      });
    }
    // in slices: a node may have a thousand containers, and the ring wants to be read between them
    while (due.length > 0 && performance.now() - now < SLICE_MS) this.#look(due.shift()!);
    if (this.#quiet.size === 0) return;
    this.#timer = setTimeout(() => this.#lookAtQuiet(), due.length > 0 ? 0 : QUIET_MS);
  }

  #look(id: string): void {
    const since = this.#quiet.take(id);
    const task = this.#known.get(id);
    if (task === undefined) return;
    const parent = this.#options.tasks.get(task.ppid);
    const lineage = { exe: task.exe, parentExe: parent?.exe ?? null, parentNs: parent?.ns ?? null };
    const origin = this.origins.of(task);
    // still being made: the exec of its program brings it back here
    if (origin !== "container" && isRuntimeAtWork(lineage, this.#views.hostNs)) return;
    // of other programs nobody knows whether they will execute another one: some stay as the container's init
    if (origin === "host" && performance.now() - since < MAKING_MS) {
      this.#quiet.putBack(id, since);
      return;
    }
    this.#guard("posture", () => {
      const view = this.#views.of(task);
      if (view !== null) this.#publish(this.#inputs.posture(view));
    });
  }

  #publish(changes: readonly FindingChange[]): void {
    for (const change of changes) this.#options.publish(change);
  }

  /** A container whose files cannot be read must not end the agent; it is told, some times. */
  #guard(what: string, act: () => void): void {
    try {
      act();
    } catch (error) {
      this.#failed(what, error);
    }
  }

  #failed(what: string, error: unknown): void {
    if (this.#errors++ >= TOLD_ERRORS) return;
    this.#options.log.error(`${what} could not be judged`, { error: String(error) });
  }
}
