import { type ContainerRef, type Evidence, type FindingSubject, SEVERITIES } from "../event.js";
import type { NsInums } from "../kernel/links.js";
import type { ProcfsSuperblock } from "../mounts/superblocks.js";
import type { ActContext, ActRule, ObservedCall } from "./act.js";
import { ActInProgress } from "./act-in-progress.js";
import type { ContainerView } from "./container-view.js";
import { Decisions } from "./decisions.js";
import { boundedEvidence } from "./evidence.js";
import type { Exception, FactReader } from "./exception.js";
import { actFacts, containerFacts, instanceFacts, storyFacts } from "./facts.js";
import type { FindingCount } from "./finding-counts.js";
import { type FindingChange, Findings, findingId, keyOf, type Observation } from "./findings.js";
import { Memory } from "./memory.js";
import { type Holding, holdingRules, mostSpecific } from "./most-specific.js";
import { Protections } from "./protections.js";
import type { Exposure, Fact, RuleInfo } from "./rule.js";
import { allRules, type RuleSet } from "./rule-set.js";
import type { ObservedStory, StoryAct, StoryContext, StoryRule } from "./story-act.js";

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

/** What a rule found about a subject, before it is known whether that is wanted. */
interface Found {
  readonly rule: RuleInfo;
  readonly subject: FindingSubject;
  readonly exposures: readonly Exposure[];
  readonly also: readonly string[];
  readonly time: string;
  readonly eventSeq?: number;
}

const NODE: FindingSubject = { kind: "node", id: "node", container: null, pid: null };

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
  readonly #suppressed = new Map<string, number>();
  /** What stands in the node's findings: by rule, the exposures by place. */
  readonly #nodeExposures = new Map<string, Map<string, Exposure>>();
  /** Rules about the node of which nothing was told since they, or what spares them, were exchanged. */
  #nodeStale = new Set<string>();
  /** Posture that is suppressed and holds now, so that each is counted once: what was found, by subject. */
  readonly #suppressedNow = new Map<string, Set<string>>();
  readonly decisions = new Decisions();
  #rules!: RuleSet;
  #disabled: ReadonlySet<string> = new Set();
  /** By whose calls they are about, and by the call. */
  #actRules: Readonly<Record<"container" | "host", ReadonlyMap<string, readonly ActRule[]>>> = NO_RULES;
  #exceptions: ReadonlyMap<string, readonly Exception[]> = new Map();
  #ownContainer: string | null = null;

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
    this.#disabled = new Set(rules.overrides.disable);
    const of = (callers: string) => rules.acts.filter((rule) => (rule.callers ?? "container") === callers);
    this.#actRules = { container: bySyscall(of("container")), host: bySyscall(of("host")) };
    const exceptions = new Map<string, Exception[]>();
    for (const exception of rules.exceptions) {
      for (const rule of exception.rules) exceptions.set(rule, [...(exceptions.get(rule) ?? []), exception]);
    }
    this.#exceptions = exceptions;
    this.#nodeStale = new Set(rules.node.map(({ id }) => id));
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
    this.#ownContainer = containerId;
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
        const reason = this.#reasonAgainst(rule, subject.container, () => containerFacts(view, exposure));
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
    if (subject.id === this.#ownContainer) return changes;
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
      if (this.#disabled.has(rule.id)) tell(rule, exposures, []);
      else holding.push({ rule, exposures });
    }
    if (holding.length === 0) return [];
    const changes: FindingChange[] = [];
    for (const { rule, exposures, also } of mostSpecific(holding)) push(changes, tell(rule, exposures, also));
    return changes;
  }

  /** Looks at a story, each time it is published. Those that nobody in a container began are no findings. */
  story(story: ObservedStory, context: StoryContext): FindingChange[] {
    const { container, process, fs_type: fsType, seq } = story;
    if (container === null) return [];
    const subject: FindingSubject = { kind: "container", id: container.id, container, pid: process.pid };
    const time = this.#now();
    const about = (rule: RuleInfo, exposures: readonly Exposure[]): Found => {
      return { rule, subject, exposures, also: [], time, ...(seq !== undefined && { eventSeq: seq }) };
    };
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
    return new Map([...this.#suppressed, ["repeated", this.#findings.repeated]]);
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

  /** What containers have in common adds up; it stays as long as the node's kernel and runtime are what they are. */
  #nodePosture(view: ContainerView, time: string): FindingChange[] {
    const changes: FindingChange[] = [];
    for (const rule of this.#findings.openRules(NODE)) {
      if (!this.#disabled.has(rule) && this.#rules.node.some(({ id }) => id === rule)) continue;
      push(changes, this.#findings.resolve(NODE, rule, this.#whyEnded(rule), time));
    }
    for (const rule of this.#rules.node) {
      const known = this.#nodeExposures.get(rule.id) ?? new Map<string, Exposure>();
      const exposures = rule.evaluate(view).filter((exposure) => !known.has(exposure.place));
      const isStale = this.#nodeStale.delete(rule.id);
      if (exposures.length === 0 && !(isStale && known.size > 0)) continue;
      for (const exposure of exposures) known.set(exposure.place, exposure);
      this.#nodeExposures.set(rule.id, known);
      const found: Found = { rule, subject: NODE, exposures: [...known.values()], also: [], time };
      const reason = this.#reasonAgainst(rule, null, () => containerFacts(view, null));
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
      const reason = this.#reasonAgainst(rule, subject.container, () => facts(exposure));
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
      evidence: eachOnce(exposures).map((one) => checkable(one, found.eventSeq)),
    };
    const change = this.#findings[how](observation);
    if (change !== null) this.#decide(found, "told", observation.severity);
    return change;
  }

  /** Counts what is not told, and remembers why. */
  #spare(found: Found, reason: string): void {
    this.#suppressed.set(reason, (this.#suppressed.get(reason) ?? 0) + 1);
    this.#decide(found, reason, null);
  }

  #decide(found: Found, result: string, severity: Observation["severity"] | null): void {
    const { rule, subject, exposures, time, eventSeq } = found;
    this.decisions.add({
      time,
      rule: rule.id,
      result,
      exception: result.startsWith(EXCEPTION) ? result.slice(EXCEPTION.length) : null,
      subject,
      finding: findingId(rule, subject),
      event_seq: eventSeq ?? null,
      severity,
      facts: boundedEvidence(exposures.flatMap(({ evidence }) => evidence)).map(({ fact }) => fact),
    });
  }

  /** Why what `rule` found in a container, or on the node, is not wanted; null when it is. */
  #reasonAgainst(
    rule: RuleInfo,
    container: FindingSubject["container"],
    facts: () => FactReader,
  ): string | null {
    if (this.#disabled.has(rule.id)) return "disabled";
    if (container !== null && container.id === this.#ownContainer) return "own-container";
    const exceptions = this.#exceptions.get(rule.id);
    if (exceptions === undefined) return null;
    const reader = facts();
    const exception = exceptions.find((one) => one.matches(reader));
    return exception === undefined ? null : `${EXCEPTION}${exception.name}`;
  }

  #whyEnded(rule: string): string {
    if (this.#disabled.has(rule)) return "the rule was disabled";
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

/** What the reason of a suppression begins with when an exception is it. */
const EXCEPTION = "exception:";

function mayConcern(rule: ActRule, call: ObservedCall, hostNs: NsInums): boolean {
  return rule.mayConcern === undefined || rule.mayConcern(call, hostNs);
}

/** What nothing is left of to look at, as after a call, is in the event that it was found in. */
function checkable(evidence: Evidence, eventSeq: number | undefined): Evidence {
  if (evidence.check !== undefined || eventSeq === undefined) return evidence;
  return { ...evidence, check: `keyhole explain ${eventSeq}` };
}

/** What several exposures have in common is said once, after what each has of its own. */
function eachOnce(exposures: readonly Exposure[]): Evidence[] {
  const counts = new Map<string, { readonly evidence: Evidence; shared: boolean }>();
  for (const evidence of exposures.flatMap((exposure) => exposure.evidence)) {
    const known = counts.get(evidence.fact);
    if (known === undefined) counts.set(evidence.fact, { evidence, shared: false });
    else known.shared = true;
  }
  const all = [...counts.values()];
  return [...all.filter(({ shared }) => !shared), ...all.filter(({ shared }) => shared)].map(
    ({ evidence }) => evidence,
  );
}

function concernsStory({ filesystems }: StoryRule, fsType: string | null): boolean {
  return filesystems === undefined || (fsType !== null && filesystems.includes(fsType));
}

function aboutCall(
  rule: RuleInfo,
  exposures: readonly Exposure[],
  { process, time, seq }: ObservedCall,
  container: ContainerRef | null,
): Found {
  const subject: FindingSubject =
    container === null
      ? { kind: "process", id: `${process.pid}:${process.start}`, container: null, pid: process.pid }
      : { kind: "container", id: container.id, container, pid: process.pid };
  return { rule, subject, exposures, also: [], time, ...(seq !== undefined && { eventSeq: seq }) };
}

function containerSubject({ container, task }: ContainerView): FindingSubject {
  return { kind: "container", id: container.id, container, pid: task.pid };
}

function push(changes: FindingChange[], change: FindingChange | null): void {
  if (change !== null) changes.push(change);
}

/** Now, with nanoseconds that are always zero. */
export function rfc3339(): string {
  return new Date().toISOString().replace("Z", "000000Z");
}
