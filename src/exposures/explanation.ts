import { type KeyholeEvent, SCHEMA_VERSION, type StoryEvent, type SyscallEvent } from "../event.js";
import type { Decision } from "./decisions.js";
import type { Exposures } from "./engine.js";
import type { FindingChange } from "./findings.js";
import type { RuleInfo } from "./rule.js";
import type { RuleSet } from "./rule-set.js";

/** What is to be explained: an event by its `seq`, or a finding by its id. */
export type Question = { readonly seq: number } | { readonly finding: string };

/** A rule that was asked, and what it said. */
export interface AskedRule {
  readonly rule: string;
  readonly title: string;
  /** What it looks for, where it is data. */
  readonly condition: string | null;
  /** `told`, or why what it found was not told; null: it found nothing. */
  readonly result: string | null;
}

/** Why there is a finding, or why there is none. */
export interface Explanation {
  readonly schema: typeof SCHEMA_VERSION;
  /** The event that was asked about; null where it is not known any more, or a finding was asked about. */
  readonly event: KeyholeEvent | null;
  /** The finding that was asked about, or that came of the event, as it is now; null: none, or it has been resolved. */
  readonly finding: FindingChange | null;
  /** What the rules found, and what became of it; the last first. */
  readonly decisions: readonly ExplainedDecision[];
  /** The rules that are about such an event; null where no event is known. */
  readonly asked: readonly AskedRule[] | null;
  /** Why no rule was asked; null where one was. */
  readonly unasked: string | null;
  /** Decisions that are not remembered any more: what was asked about can have been among them. */
  readonly forgotten: number;
}

export interface ExplainedDecision extends Decision {
  /** What the rule looks for, where it is data. */
  readonly condition: string | null;
  /** What the exception that spared it says of whom it spares; null: no exception did. */
  readonly exception_description: string | null;
}

/** Where an explanation gets what it says. */
export interface ExplanationSources {
  readonly engine: Exposures;
  /** Those that are remembered, the last first. */
  decisionsAbout(question: Question): readonly Decision[];
  /** A published event that is still kept; null: it is not. */
  eventOf(seq: number): KeyholeEvent | null;
  findingOf(id: string): FindingChange | null;
}

/** What is known about it, null: nothing at all. */
export function explain(question: Question, sources: ExplanationSources): Explanation | null {
  const { engine } = sources;
  const event = "seq" in question ? sources.eventOf(question.seq) : null;
  // the event of a finding has a number too: who asks about that means the finding
  const meant = event?.type === "finding" ? { finding: event.id } : question;
  const about = sources.decisionsAbout(meant);
  const wanted = "finding" in meant ? meant.finding : about.find(({ result }) => result === "told")?.finding;
  const finding = wanted === undefined ? null : sources.findingOf(wanted);
  if (event === null && finding === null && about.length === 0) return null;
  const asked = event === null || event.type === "finding" ? null : askedRules(event, engine.rules, about);
  return {
    schema: SCHEMA_VERSION,
    event,
    finding,
    decisions: about.map((one) => explained(one, engine.rules)),
    asked,
    unasked: asked?.length === 0 ? whyNone(event!) : null,
    forgotten: engine.decisions.evictions,
  };
}

function explained(decision: Decision, rules: RuleSet): ExplainedDecision {
  const lists = [rules.posture, rules.node, rules.acts, rules.stories, rules.instances];
  const rule = lists.flat().find(({ id }) => id === decision.rule) as RuleInfo | undefined;
  const exception = rules.exceptions.find(({ name }) => name === decision.exception);
  return {
    ...decision,
    condition: rule?.condition ?? null,
    exception_description: exception?.description ?? null,
  };
}

function askedRules(event: KeyholeEvent, rules: RuleSet, decisions: readonly Decision[]): AskedRule[] {
  return rulesAbout(event, rules).map(({ id, title, condition }) => ({
    rule: id,
    title,
    condition: condition ?? null,
    result: decisions.find(({ rule }) => rule === id)?.result ?? null,
  }));
}

function rulesAbout(event: KeyholeEvent, rules: RuleSet): readonly RuleInfo[] {
  if (event.type === "syscall") {
    if (isOptionChange(event)) return [...actRules(event, rules), ...rules.instances];
    return actRules(event, rules);
  }
  if (event.type !== "story" || event.container === null) return [];
  return rules.stories.filter(({ filesystems }) => isAmong(event.fs_type, filesystems));
}

function actRules({ syscall, container }: SyscallEvent, rules: RuleSet): readonly RuleInfo[] {
  const caller = container === null ? "host" : "container";
  return rules.acts.filter(
    ({ syscalls, callers = "container" }) => callers === caller && syscalls.includes(syscall),
  );
}

/** Calls after which the options of procfs instances are compared, whoever made them. */
function isOptionChange({ syscall, ret }: SyscallEvent): boolean {
  return ret === 0 && (syscall === "mount" || syscall === "fsconfig");
}

function isAmong(fsType: StoryEvent["fs_type"], filesystems: readonly string[] | undefined): boolean {
  return filesystems === undefined || (fsType !== null && filesystems.includes(fsType));
}

function whyNone(event: KeyholeEvent): string {
  if (event.type !== "syscall" && event.type !== "story")
    return `no rule is about events of type ${event.type}`;
  const who = event.type === "syscall" ? "the call was made" : "the story was begun";
  if (event.container === null) return `${who} by a task that is in no container, and no rule is about that`;
  if (event.type === "syscall") return `no rule is about ${event.syscall}`;
  return `no rule is about mounts of ${event.fs_type ?? "a type that is not known"}`;
}
