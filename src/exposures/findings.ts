import { createHash } from "node:crypto";
import {
  type Evidence,
  type FindingEvent,
  type FindingSubject,
  SEVERITIES,
  type Severity,
} from "../event.js";
import { boundedEvidence } from "./evidence.js";
import { type FindingCount, FindingCounts } from "./finding-counts.js";
import type { RuleInfo } from "./rule.js";

/** A finding that began, changed or ended: a {@link FindingEvent} that nobody has published yet. */
export type FindingChange = Omit<FindingEvent, "schema" | "seq" | "time" | "node">;

/** What a rule says about a subject now. */
export interface Observation {
  readonly rule: RuleInfo;
  readonly subject: FindingSubject;
  readonly severity: Severity;
  readonly evidence: readonly Evidence[];
  readonly also: readonly string[];
  /** RFC 3339. */
  readonly time: string;
  /** `seq` of the event, for an act. */
  readonly eventSeq?: number;
}

/** What tells one subject from all others. */
export type SubjectKey = Pick<FindingSubject, "kind" | "id">;

interface Finding {
  change: FindingChange;
  /** The count that was published last. */
  published: number;
}

/**
 * The findings of a node, one for each rule and subject. A posture finding is open until it is resolved. An act
 * is a point in time: repeating it raises its count, which is published whenever it has doubled, or when the act
 * is worse than before.
 */
export class Findings {
  readonly #capacity: number;
  /** The rules that are counted from zero on, with the severity that they have by themselves. */
  #known: readonly Pick<FindingCount, "rule" | "severity">[] = [];
  readonly #totals = new FindingCounts();
  readonly #bySubject = new Map<string, Map<string, Finding>>();
  #size = 0;
  #evictions = 0;
  #repeated = 0;

  constructor(capacity = 16_384) {
    this.#capacity = capacity;
  }

  /** Counts these from zero on. */
  know(rules: readonly Pick<FindingCount, "rule" | "severity">[]): void {
    this.#known = rules;
    for (const { rule, severity } of rules) this.#totals.add(rule, severity, 0);
  }

  /** How many findings were forgotten to make room for others. */
  get evictions(): number {
    return this.#evictions;
  }

  /** How many repetitions of acts only raised a count that was not published with them. */
  get repeated(): number {
    return this.#repeated;
  }

  /** A posture rule holds. Null when that is known already and nothing about it changed. */
  holds(observation: Observation): FindingChange | null {
    const known = this.#find(observation);
    if (known === undefined) return this.#add(observation);
    const evidence = boundedEvidence(observation.evidence);
    const { severity, also } = observation;
    const before = known.change;
    known.change = { ...before, last_seen: observation.time };
    if (before.severity === severity && same(before.also, also) && same(before.evidence, evidence))
      return null;
    known.change = { ...known.change, state: "updated", severity, also, evidence };
    return known.change;
  }

  /** An act happened. Null when it is a repetition that is only counted. */
  happened(observation: Observation): FindingChange | null {
    const known = this.#find(observation);
    if (known === undefined) return this.#add(observation);
    const worse = SEVERITIES.indexOf(observation.severity) < SEVERITIES.indexOf(known.change.severity);
    const count = known.change.count + 1;
    this.#totals.add(observation.rule.id, observation.severity);
    known.change = {
      ...known.change,
      state: "updated",
      count,
      last_seen: observation.time,
      severity: worse ? observation.severity : known.change.severity,
      evidence: boundedEvidence(observation.evidence),
      ...(observation.eventSeq !== undefined && { event_seq: observation.eventSeq }),
    };
    if (!worse && count < known.published * 2) {
      this.#repeated += 1;
      return null;
    }
    known.published = count;
    return known.change;
  }

  /** The ids of the posture rules that are open for a subject. */
  openRules(subject: SubjectKey): string[] {
    const findings = this.#bySubject.get(keyOf(subject))?.values() ?? [];
    return [...findings].filter(({ change }) => change.kind === "posture").map(({ change }) => change.rule);
  }

  /** The exposure is gone. */
  resolve(subject: SubjectKey, rule: string, reason: string, time: string): FindingChange | null {
    const findings = this.#bySubject.get(keyOf(subject));
    const finding = findings?.get(rule);
    if (findings === undefined || finding === undefined) return null;
    findings.delete(rule);
    if (findings.size === 0) this.#bySubject.delete(keyOf(subject));
    this.#size -= 1;
    return { ...finding.change, state: "resolved", reason, last_seen: time };
  }

  /**
   * The subject is gone: its posture findings are resolved, and acts that were repeated since they were last
   * published are published with their final count.
   */
  forget(subject: SubjectKey, reason: string, time: string): FindingChange[] {
    const findings = [...(this.#bySubject.get(keyOf(subject))?.values() ?? [])];
    this.#bySubject.delete(keyOf(subject));
    this.#size -= findings.length;
    return findings
      .filter(({ change, published }) => change.kind === "posture" || change.count > published)
      .map(({ change }) =>
        change.kind === "posture" ? { ...change, state: "resolved", reason, last_seen: time } : change,
      );
  }

  /** Every finding that is known. */
  all(): FindingChange[] {
    return [...this.#bySubject.values()].flatMap((findings) =>
      [...findings.values()].map(({ change }) => change),
    );
  }

  /** Open posture findings by rule and severity. */
  open(): FindingCount[] {
    const counts = new FindingCounts(this.#known);
    for (const findings of this.#bySubject.values()) {
      for (const { change } of findings.values()) {
        if (change.kind === "posture") counts.add(change.rule, change.severity);
      }
    }
    return counts.values();
  }

  /** Findings since the start by rule and severity: each posture finding as it began, and each act. */
  totals(): FindingCount[] {
    return this.#totals.values();
  }

  #find({ rule, subject }: Observation): Finding | undefined {
    return this.#bySubject.get(keyOf(subject))?.get(rule.id);
  }

  #add({ rule, subject, severity, evidence, also, time, eventSeq }: Observation): FindingChange {
    const change: FindingChange = {
      type: "finding",
      id: findingId(rule, subject),
      rule: rule.id,
      title: rule.title,
      severity,
      state: "open",
      kind: rule.kind,
      count: 1,
      first_seen: time,
      last_seen: time,
      subject,
      evidence: boundedEvidence(evidence),
      remediation: rule.remediation,
      references: rule.references,
      tags: rule.tags,
      also,
      ...(eventSeq !== undefined && { event_seq: eventSeq }),
    };
    let findings = this.#bySubject.get(keyOf(subject));
    if (findings === undefined) {
      findings = new Map();
      this.#bySubject.set(keyOf(subject), findings);
    }
    findings.set(rule.id, { change, published: 1 });
    this.#totals.add(rule.id, severity);
    this.#size += 1;
    this.#makeRoom();
    return change;
  }

  /** Forgets whole subjects, the one that was first found longest ago first. */
  #makeRoom(): void {
    for (const [id, findings] of this.#bySubject) {
      if (this.#size <= this.#capacity || this.#bySubject.size === 1) return;
      this.#bySubject.delete(id);
      this.#size -= findings.size;
      this.#evictions += findings.size;
    }
  }
}

/** A container can have the name that is the id of the node, or of a process. */
export function keyOf({ kind, id }: SubjectKey): string {
  return `${kind} ${id}`;
}

/** The same for the same rule and subject, on every start and by every command. */
export function findingId(rule: Pick<RuleInfo, "id">, subject: FindingSubject): string {
  return createHash("sha256").update(`${rule.id}\0${subject.kind}\0${subject.id}`).digest("hex").slice(0, 16);
}

function same(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && JSON.stringify(a) === JSON.stringify(b);
}
