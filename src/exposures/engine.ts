import { KeyholeError } from "../errors.js";
import { type FindingSubject, SEVERITIES, type Severity } from "../event.js";
import type { ProcfsSuperblock } from "../mounts/superblocks.js";
import type { ActContext, ActRule, ObservedCall } from "./act.js";
import { ActInProgress } from "./act-in-progress.js";
import { ACT_RULES, CATALOGUE, NODE_RULES } from "./catalogue.js";
import type { ContainerView } from "./container-view.js";
import type { FindingCount } from "./finding-counts.js";
import { type FindingChange, Findings, keyOf, type Observation } from "./findings.js";
import { mostSpecific } from "./most-specific.js";
import { Protections } from "./protections.js";
import type { Exposure, Fact, RuleInfo } from "./rule.js";
import { procHidepidWeakened } from "./rules/proc-hidepid-weakened.js";

/** What the user changed about the rules: `rules` of the configuration. */
export interface RuleOverrides {
  /** Ids of rules whose findings are not wanted. */
  readonly disable: readonly string[];
  /** Severity by rule id, in place of what the rule finds. */
  readonly severity: { readonly [rule: string]: Severity };
}

export interface ExposuresOptions {
  readonly rules?: RuleOverrides;
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

const NODE: FindingSubject = { kind: "node", id: "node", container: null, pid: null };

/**
 * Turns what is known about containers, and what their tasks do, into findings. Everything it returns is to be
 * published in that order. It reads nothing itself.
 */
export class Exposures {
  readonly #disabled: ReadonlySet<string>;
  readonly #severity: { readonly [rule: string]: Severity };
  readonly #hostProcDev: string | null;
  readonly #now: () => string;
  readonly #findings: Findings;
  readonly #protections = new Protections();
  readonly #actRules = new Map<string, ActRule[]>();
  readonly #suppressed = new Map<string, number>();
  /** What stands in the node's findings: by rule, the exposures by place. */
  readonly #nodeExposures = new Map<string, Map<string, Exposure>>();
  /** Posture that is suppressed and holds now, so that each is counted once: rule ids by subject. */
  readonly #suppressedNow = new Map<string, Set<string>>();
  #ownContainer: string | null = null;

  /** Throws KEYHOLE_RULE_UNKNOWN when an override names a rule that is not in the catalogue. */
  constructor({ rules, hostProcDev, now = rfc3339, maxFindings }: ExposuresOptions) {
    const overrides = rules ?? { disable: [], severity: {} };
    for (const id of [...overrides.disable, ...Object.keys(overrides.severity)]) requireRule(id);
    this.#disabled = new Set(overrides.disable);
    this.#severity = overrides.severity;
    this.#hostProcDev = hostProcDev;
    this.#now = now;
    const known = CATALOGUE.map(({ id, severity }) => ({
      rule: id,
      severity: this.#severity[id] ?? severity,
    }));
    this.#findings = new Findings(maxFindings, known);
    for (const rule of ACT_RULES) {
      for (const syscall of rule.syscalls) {
        this.#actRules.set(syscall, [...(this.#actRules.get(syscall) ?? []), rule]);
      }
    }
  }

  /**
   * Findings about this container are counted, not published: the agent's own, which has to have what they are about.
   * Null: the agent is in none.
   */
  leaveOut(containerId: string | null): void {
    this.#ownContainer = containerId;
  }

  /** Whether a call of this name can be a finding at all. */
  concerns(syscall: string): boolean {
    return this.#actRules.has(syscall);
  }

  /** Looks at one container. Findings about it that do not hold any more are resolved. */
  posture(view: ContainerView): FindingChange[] {
    this.#protections.seen(view);
    const time = this.#now();
    const subject = containerSubject(view);
    const changes: FindingChange[] = [];
    const holding = new Set<string>();
    for (const { rule, exposures, also } of mostSpecific(view)) {
      holding.add(rule.id);
      const observation = { rule, subject, also, time, ...this.#merge(rule, exposures) };
      push(changes, this.#isSuppressed(rule, subject) ? null : this.#findings.holds(observation));
    }
    for (const rule of this.#findings.openRules(subject)) {
      if (holding.has(rule)) continue;
      push(changes, this.#findings.resolve(subject, rule, "no longer holds", time));
    }
    const suppressed = this.#suppressedNow.get(keyOf(subject));
    for (const rule of suppressed ?? []) if (!holding.has(rule)) suppressed?.delete(rule);
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

  /** Looks at one system call. Calls of tasks outside of containers are no findings. */
  act(call: ObservedCall, context: ActContext): FindingChange[] {
    const rules = this.#actRules.get(call.syscall);
    if (rules === undefined || call.container === null) return [];
    const { container, process } = call;
    const act = new ActInProgress(call, context, container.id, this.#protections, this.#suppress);
    const changes: FindingChange[] = [];
    for (const rule of rules) {
      const exposures = rule.evaluate(act);
      if (exposures.length === 0) continue;
      const reason = this.#reasonAgainst(rule, container.id);
      if (reason !== null) {
        this.#suppress(reason);
        continue;
      }
      const subject: FindingSubject = { kind: "container", id: container.id, container, pid: process.pid };
      push(changes, this.#findings.happened(this.#observe(rule, subject, exposures, call)));
    }
    return changes;
  }

  /** The options of a procfs superblock changed through `call`, from `before` to `after`. */
  instanceChanged(before: ProcfsSuperblock, after: ProcfsSuperblock, call: ObservedCall): FindingChange[] {
    const rule = procHidepidWeakened;
    const exposures = rule.evaluate({ before, after, isHosts: after.dev === this.#hostProcDev });
    if (exposures.length === 0) return [];
    const { container, process } = call;
    const reason = this.#reasonAgainst(rule, container?.id ?? null);
    if (reason !== null) {
      this.#suppress(reason);
      return [];
    }
    const subject: FindingSubject =
      container === null
        ? { kind: "process", id: `${process.pid}:${process.start}`, container: null, pid: process.pid }
        : { kind: "container", id: container.id, container, pid: process.pid };
    const change = this.#findings.happened(this.#observe(rule, subject, exposures, call));
    return change === null ? [] : [change];
  }

  /** Open posture findings by rule and severity, for a gauge; 0 for a rule of the catalogue without one. */
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
   * runtime at work), `rewritable` (what a call asked for need not be what the kernel read).
   */
  suppressed(): ReadonlyMap<string, number> {
    return new Map([...this.#suppressed, ["repeated", this.#findings.repeated]]);
  }

  /** How much was forgotten to make room: findings, and containers whose mounts are not compared any more. */
  evictions(): { readonly findings: number; readonly protections: number } {
    return { findings: this.#findings.evictions, protections: this.#protections.evictions };
  }

  /** The rules that lack one of their facts when only `available` ones are there. */
  static inactive(available: ReadonlySet<Fact>): InactiveRule[] {
    return CATALOGUE.map((rule) => ({
      rule: rule.id,
      missing: rule.needs.filter((fact) => !available.has(fact)),
    })).filter(({ missing }) => missing.length > 0);
  }

  /** What containers have in common adds up; it stays as long as the node's kernel and runtime are what they are. */
  #nodePosture(view: ContainerView, time: string): FindingChange[] {
    const changes: FindingChange[] = [];
    for (const rule of NODE_RULES) {
      const known = this.#nodeExposures.get(rule.id) ?? new Map<string, Exposure>();
      const exposures = rule.evaluate(view).filter((exposure) => !known.has(exposure.place));
      if (exposures.length === 0) continue;
      for (const exposure of exposures) known.set(exposure.place, exposure);
      this.#nodeExposures.set(rule.id, known);
      if (this.#isSuppressed(rule, NODE)) continue;
      const observation = { rule, subject: NODE, also: [], time, ...this.#merge(rule, [...known.values()]) };
      push(changes, this.#findings.holds(observation));
    }
    return changes;
  }

  #observe(
    rule: RuleInfo,
    subject: FindingSubject,
    exposures: readonly Exposure[],
    call: ObservedCall,
  ): Observation {
    return {
      rule,
      subject,
      also: [],
      time: call.time,
      ...this.#merge(rule, exposures),
      ...(call.seq !== undefined && { eventSeq: call.seq }),
    };
  }

  #merge(rule: RuleInfo, exposures: readonly Exposure[]): Pick<Observation, "severity" | "evidence"> {
    const severities = exposures.map((exposure) => exposure.severity);
    return {
      severity:
        this.#severity[rule.id] ?? SEVERITIES.find((severity) => severities.includes(severity)) ?? "info",
      evidence: exposures.flatMap((exposure) => exposure.evidence),
    };
  }

  /** Whether a posture finding is not wanted; counted when that begins. */
  #isSuppressed(rule: RuleInfo, subject: FindingSubject): boolean {
    const reason = this.#reasonAgainst(rule, subject.container?.id ?? null);
    if (reason === null) return false;
    const counted = this.#suppressedNow.get(keyOf(subject)) ?? new Set();
    if (!counted.has(rule.id)) this.#suppress(reason);
    this.#suppressedNow.set(keyOf(subject), counted.add(rule.id));
    return true;
  }

  /** Why findings of `rule` about a container, or about none, are not wanted; null when they are. */
  #reasonAgainst(rule: RuleInfo, containerId: string | null): string | null {
    if (this.#disabled.has(rule.id)) return "disabled";
    return containerId !== null && containerId === this.#ownContainer ? "own-container" : null;
  }

  readonly #suppress = (reason: string): void => {
    this.#suppressed.set(reason, (this.#suppressed.get(reason) ?? 0) + 1);
  };
}

function containerSubject({ container, task }: ContainerView): FindingSubject {
  return { kind: "container", id: container.id, container, pid: task.pid };
}

function requireRule(id: string): void {
  if (CATALOGUE.some((rule) => rule.id === id)) return;
  throw new KeyholeError(`there is no rule "${id}"`, {
    code: "KEYHOLE_RULE_UNKNOWN",
    expected: CATALOGUE.map((rule) => rule.id).join(", "),
    found: id,
  });
}

function push(changes: FindingChange[], change: FindingChange | null): void {
  if (change !== null) changes.push(change);
}

function rfc3339(): string {
  return new Date().toISOString().replace("Z", "000000Z");
}
