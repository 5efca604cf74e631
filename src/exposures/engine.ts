import { SEVERITIES } from "../event.js";
import type { NsInums } from "../kernel/links.js";
import type { ProcfsSuperblock } from "../mounts/superblocks.js";
import { isPodSandbox } from "../workloads/runtime-names.js";
import type { ActContext, ActRule, ObservedCall } from "./act.js";
import { ActInProgress } from "./act-in-progress.js";
import type { ContainerView } from "./container-view.js";
import { Decisions } from "./decisions.js";
import { boundedEvidence } from "./evidence.js";
import type { FactReader } from "./exception.js";
import { actFacts, containerFacts, instanceFacts, storyFacts } from "./facts.js";
import type { FindingCount } from "./finding-counts.js";
import { type FindingChange, Findings, findingId, keyOf, type Observation } from "./findings.js";
import { aboutCall, aboutStory, containerSubject, evidenceOf, type Found, NODE } from "./found.js";
import { Memory } from "./memory.js";
import { type Holding, holdingRules, mostSpecific } from "./most-specific.js";
import { NodeExposures } from "./node-exposures.js";
import { Protections } from "./protections.js";
import type { Exposure, Fact, RuleInfo } from "./rule.js";
import { allRules, type RuleSet } from "./rule-set.js";
import type { ObservedStory, StoryAct, StoryContext, StoryRule } from "./story-act.js";
import { exceptionOf, Suppressions } from "./suppressions.js";

export interface ExposuresOptions {
  readonly rules: RuleSet;
  /** Device number of the host's own /proc, null where it is not known. */
  readonly hostProcDev: string | null;
  /** The time as RFC 3339 with nanoseconds. */
  readonly now?: () => string;
  readonly maxFindings?: number;
}

/** A rule that cannot be evaluated on this node. */
export interface InactiveRule {
  readonly rule: string;
  readonly missing: readonly Fact[];
}

/** One line for a log: the rule, and the facts that are not there. */
export function describeInactive({ rule, missing }: InactiveRule): string {
  return `${rule} (no ${missing.join(", ")})`;
}

/**
 * Turns what is known about containers, and what their tasks do, into findings. Everything it returns is to be
 * published in that order. It reads nothing itself.
 */
export class Exposures {
  readonly #hostProcDev: string | null;
  readonly #now: () => string;
  readonly #findings: Findings;
  readonly #protections = new Protections();
  readonly #memory = new Memory();
  readonly #suppressions = new Suppressions();
  readonly #node = new NodeExposures();
  /** Posture that is suppressed and holds now, so that each is counted once: what was found, by subject. */
  readonly #suppressedNow = new Map<string, Set<string>>();
  readonly decisions = new Decisions();
  #rules!: RuleSet;
  /** By whose calls they are about, and by the call. */
  #actRules: Readonly<Record<"container" | "host", ReadonlyMap<string, readonly ActRule[]>>> = NO_RULES;

  constructor({ rules, hostProcDev, now = rfc3339, maxFindings }: ExposuresOptions) {
    this.#hostProcDev = hostProcDev;
    this.#now = now;
    this.#findings = new Findings(maxFindings);
    this.use(rules);
  }

  /** The rules that are looked at now. */
  get rules(): RuleSet {
    return this.#rules;
  }

  /**
   * Looks at `rules` from now on. Posture findings of what is not in it, or not wanted any more, are resolved when their
   * container is looked at again.
   */
  use(rules: RuleSet): void {
    this.#rules = rules;
    this.#suppressions.use(rules);
    this.#node.use(rules.node);
    const of = (callers: string) => rules.acts.filter((rule) => (rule.callers ?? "container") === callers);
    this.#actRules = { container: bySyscall(of("container")), host: bySyscall(of("host")) };
    this.#findings.know(
      allRules(rules).map(({ id, severity }) => ({
        rule: id,
        severity: rules.overrides.severity[id] ?? severity,
      })),
    );
  }

  /**
   * Findings about this container are counted, not published: the agent's own, which has to have what they are about.
   * Null: the agent is in none.
   */
  leaveOut(containerId: string | null): void {
    this.#suppressions.ownContainer = containerId;
  }

  /** Whether `call` can be a finding at all: most cannot, and nothing more is to be found out about them. */
  concerns(call: ObservedCall, hostNs: NsInums): boolean {
    const rules = this.#actRules[call.container === null ? "host" : "container"].get(call.syscall);
    if (rules === undefined) return false;
    for (const rule of rules) if (mayConcern(rule, call, hostNs)) return true;
    return false;
  }

  /** Looks at one container. Findings about it that do not hold any more are resolved. */
  posture(view: ContainerView): FindingChange[] {
    this.#protections.seen(view);
    const time = this.#now();
    const subject = containerSubject(view);
    const changes: FindingChange[] = [];
    const told = new Set<string>();
    const suppressed = new Set<string>();
    for (const { rule, exposures, also } of mostSpecific(holdingRules(view, this.#rules.posture))) {
      const found = { rule, subject, also, time };
      const wanted = exposures.filter((exposure) => {
        const reason = this.#suppressions.reasonAgainst(rule, subject.container, () =>
          containerFacts(view, exposure),
        );
        if (reason === null) return true;
        const key = `${rule.id} ${exposure.place} ${reason}`;
        suppressed.add(key);
        if (this.#suppressedNow.get(keyOf(subject))?.has(key) !== true)
          this.#spare({ ...found, exposures: [exposure] }, reason);
        return false;
      });
      if (wanted.length === 0) continue;
      told.add(rule.id);
      push(changes, this.#tell({ ...found, exposures: wanted }, "holds"));
    }
    if (suppressed.size > 0) this.#suppressedNow.set(keyOf(subject), suppressed);
    else this.#suppressedNow.delete(keyOf(subject));
    for (const rule of this.#findings.openRules(subject)) {
      if (told.has(rule)) continue;
      push(changes, this.#findings.resolve(subject, rule, this.#whyEnded(rule), time));
    }
    // a runtime masks in the sandbox of a pod what it likes, not what the kubelet has it mask in containers
    if (subject.id === this.#suppressions.ownContainer || isPodSandbox(view.container)) return changes;
    return [...changes, ...this.#nodePosture(view, time)];
  }

  /** A container is gone: its posture findings are resolved. */
  gone(containerId: string, reason: string): FindingChange[] {
    const subject = { kind: "container", id: containerId } as const;
    this.#protections.forget(containerId);
    this.#suppressedNow.delete(keyOf(subject));
    return this.#findings.forget(subject, reason, this.#now());
  }

  /** Looks at one system call. Those of tasks outside of containers concern the few rules that say so. */
  act(call: ObservedCall, context: ActContext): FindingChange[] {
    const rules = this.#actRules[call.container === null ? "host" : "container"].get(call.syscall);
    if (rules === undefined) return [];
    const known = { protections: this.#protections, memory: this.#memory };
    let asked = rules[0]!;
    const spare = (reason: string) =>
      this.#spare(aboutCall(asked, [], call, call.container ?? act.entered()), reason);
    const act = new ActInProgress(call, context, call.container?.id ?? "", known, spare);
    const holding: Holding[] = [];
    const tell = (rule: RuleInfo, exposures: readonly Exposure[], also: readonly string[]) => {
      const found = aboutCall(rule, exposures, call, call.container ?? act.entered());
      return this.#happened({ ...found, also }, (exposure) => actFacts(act, exposure));
    };
    for (const rule of rules) {
      if (!mayConcern(rule, call, context.hostNs)) continue;
      asked = rule;
      const exposures = rule.evaluate(act);
      if (exposures.length === 0) continue;
      // one that is switched off hides none that says less
      if (this.#suppressions.isDisabled(rule.id)) tell(rule, exposures, []);
      else holding.push({ rule, exposures });
    }
    if (holding.length === 0) return [];
    const changes: FindingChange[] = [];
    for (const { rule, exposures, also } of mostSpecific(holding)) push(changes, tell(rule, exposures, also));
    return changes;
  }

  /** Looks at a story, each time it is published. Those that nobody in a container began are no findings. */
  story(story: ObservedStory, context: StoryContext): FindingChange[] {
    const { container, fs_type: fsType } = story;
    if (container === null) return [];
    const time = this.#now();
    const about = (rule: RuleInfo, exposures: readonly Exposure[]) =>
      aboutStory(rule, exposures, story, { container, time });
    let asked: StoryRule | undefined;
    const suppress = (reason: string) => this.#spare(about(asked!, []), reason);
    const act: StoryAct = { ...context, story, suppress };
    const changes: FindingChange[] = [];
    for (const rule of this.#rules.stories) {
      if (!concernsStory(rule, fsType)) continue;
      asked = rule;
      const exposures = rule.evaluate(act);
      if (exposures.length === 0) continue;
      push(
        changes,
        this.#happened(about(rule, exposures), (exposure) => storyFacts(act, exposure)),
      );
    }
    return changes;
  }

  /** The options of a procfs superblock changed through `call`, from `before` to `after`. */
  instanceChanged(before: ProcfsSuperblock, after: ProcfsSuperblock, call: ObservedCall): FindingChange[] {
    const change = { before, after, isHosts: after.dev === this.#hostProcDev };
    const changes: FindingChange[] = [];
    for (const rule of this.#rules.instances) {
      const exposures = rule.evaluate(change);
      if (exposures.length === 0) continue;
      const facts = (exposure: Exposure) => instanceFacts(call, exposure);
      push(changes, this.#happened(aboutCall(rule, exposures, call, call.container), facts));
    }
    return changes;
  }

  /** The findings that are known: open posture, and acts since the start. */
  findings(): FindingChange[] {
    return this.#findings.all();
  }

  /** Open posture findings by rule and severity, for a gauge; 0 for a rule without one. */
  open(): FindingCount[] {
    return this.#findings.open();
  }

  /** Findings since the start by rule and severity, for a counter: each posture finding as it began, and each act. */
  totals(): FindingCount[] {
    return this.#findings.totals();
  }

  /**
   * How many findings were not published, by reason: `disabled` (by configuration), `own-container` (about the
   * container that the agent is in), `repeated` (an act whose count has not doubled yet), `runtime-setup` (a container
   * runtime at work), `network-setup` (somebody of the host who enters network namespaces alone), `rewritable` (what a call
   * asked for need not be what the kernel read), `exception:NAME`.
   */
  suppressed(): ReadonlyMap<string, number> {
    return new Map([...this.#suppressions.counts(), ["repeated", this.#findings.repeated]]);
  }

  /**
   * How much was forgotten to make room: findings, containers whose mounts are not compared any more, and what rules
   * remembered of earlier acts.
   */
  evictions(): { readonly findings: number; readonly protections: number; readonly memory: number } {
    return {
      findings: this.#findings.evictions,
      protections: this.#protections.evictions,
      memory: this.#memory.evictions,
    };
  }

  /** The rules of `set` that lack one of their facts when only `available` ones are there. */
  static inactive(set: RuleSet, available: ReadonlySet<Fact>): InactiveRule[] {
    return allRules(set)
      .map((rule) => ({ rule: rule.id, missing: rule.needs.filter((fact) => !available.has(fact)) }))
      .filter(({ missing }) => missing.length > 0);
  }

  #nodePosture(view: ContainerView, time: string): FindingChange[] {
    const changes: FindingChange[] = [];
    for (const rule of this.#findings.openRules(NODE)) {
      if (!this.#suppressions.isDisabled(rule) && this.#rules.node.some(({ id }) => id === rule)) continue;
      push(changes, this.#findings.resolve(NODE, rule, this.#whyEnded(rule), time));
    }
    for (const rule of this.#rules.node) {
      const exposures = this.#node.look(rule, view);
      if (exposures === null) continue;
      const found: Found = { rule, subject: NODE, exposures, also: [], time };
      const reason = this.#suppressions.reasonAgainst(rule, null, () => containerFacts(view, null));
      if (reason === null) push(changes, this.#tell(found, "holds"));
      else this.#spare(found, reason);
    }
    return changes;
  }

  /** Something happened; `facts` tells what is known of one of the exposures. */
  #happened(found: Found, facts: (exposure: Exposure) => FactReader): FindingChange | null {
    const { rule, subject } = found;
    let spared: string | null = null;
    const wanted = found.exposures.filter((exposure) => {
      const reason = this.#suppressions.reasonAgainst(rule, subject.container, () => facts(exposure));
      spared = reason ?? spared;
      return reason === null;
    });
    if (wanted.length > 0) return this.#tell({ ...found, exposures: wanted }, "happened");
    if (spared !== null) this.#spare(found, spared);
    return null;
  }

  #tell(found: Found, how: "holds" | "happened"): FindingChange | null {
    const { rule, exposures } = found;
    const severities = exposures.map((exposure) => exposure.severity);
    const observation: Observation = {
      ...found,
      severity:
        this.#rules.overrides.severity[rule.id] ??
        SEVERITIES.find((severity) => severities.includes(severity)) ??
        "info",
      evidence: evidenceOf(found),
    };
    const change = this.#findings[how](observation);
    if (change !== null) this.#decide(found, "told", observation.severity);
    return change;
  }

  /** Counts what is not told, and remembers why. */
  #spare(found: Found, reason: string): void {
    this.#suppressions.count(reason);
    this.#decide(found, reason, null);
  }

  #decide(found: Found, result: string, severity: Observation["severity"] | null): void {
    const { rule, subject, exposures, time, eventSeq } = found;
    this.decisions.add({
      time,
      rule: rule.id,
      result,
      exception: exceptionOf(result),
      subject,
      finding: findingId(rule, subject),
      event_seq: eventSeq ?? null,
      severity,
      facts: boundedEvidence(exposures.flatMap(({ evidence }) => evidence)).map(({ fact }) => fact),
    });
  }

  #whyEnded(rule: string): string {
    if (this.#suppressions.isDisabled(rule)) return "the rule was disabled";
    return this.#rules.posture.some(({ id }) => id === rule) ? "no longer holds" : "the rule was removed";
  }
}

const NO_RULES = { container: new Map(), host: new Map() } as const;

function bySyscall(rules: readonly ActRule[]): Map<string, readonly ActRule[]> {
  const found = new Map<string, ActRule[]>();
  for (const rule of rules) {
    for (const syscall of rule.syscalls) {
      const known = found.get(syscall);
      if (known === undefined) found.set(syscall, [rule]);
      else known.push(rule);
    }
  }
  return found;
}

function mayConcern(rule: ActRule, call: ObservedCall, hostNs: NsInums): boolean {
  return rule.mayConcern === undefined || rule.mayConcern(call, hostNs);
}

function concernsStory({ filesystems }: StoryRule, fsType: string | null): boolean {
  return filesystems === undefined || (fsType !== null && filesystems.includes(fsType));
}

function push(changes: FindingChange[], change: FindingChange | null): void {
  if (change !== null) changes.push(change);
}

/** Now, with nanoseconds that are always zero. */
export function rfc3339(): string {
  return new Date().toISOString().replace("Z", "000000Z");
}
