import type { Evidence, Severity } from "../event.js";
import type { Act, ActRule } from "./act.js";
import { callFields } from "./call-fields.js";
import { CONTAINER_FIELDS } from "./container-fields.js";
import type { ContainerView } from "./container-view.js";
import type { FactReader } from "./exception.js";
import { readerOf } from "./facts.js";
import type { Exposure, Rule, RuleInfo } from "./rule.js";
import type { On } from "./rule-language.js";
import type { StoryAct, StoryRule } from "./story-act.js";
import { STORY_FIELDS } from "./story-fields.js";

/** A rule that was written in a file, compiled. */
export interface DataRule {
  readonly on: On;
  readonly info: RuleInfo;
  /** For calls; empty for others. */
  readonly syscalls: readonly string[];
  /** Null: any. */
  readonly filesystems: ReadonlySet<string> | null;
  /** Entries of the catalogue of which an opened file must be one for the rule to hold; null: any, or none. */
  readonly entries: ReadonlySet<string> | null;
  /** How severe what `read` tells is; null where the rule does not hold. */
  judge(read: FactReader): Severity | null;
  evidence(read: FactReader): Evidence;
  readonly tests: readonly DataRuleTest[];
}

/** What a rule is to find where it is told `facts`. */
export interface DataRuleTest {
  readonly name: string;
  readonly facts: FactReader;
  readonly finds: Severity | "nothing";
  /** FILE:LINE:COLUMN. */
  readonly origin: string;
}

const NOTHING: readonly Exposure[] = [];

/** `rule` as the engine asks it about a call. */
export function actRule(rule: DataRule): ActRule {
  const { filesystems, entries, syscalls } = rule;
  const fields = callFields(syscalls);
  return {
    ...rule.info,
    syscalls,
    mayConcern: ({ file }) => {
      if (entries !== null && (file === undefined || file.entry === null || !entries.has(file.entry)))
        return false;
      return filesystems === null || (file !== undefined && filesystems.has(file.fs_type));
    },
    evaluate: (act: Act) => found(rule, readerOf(fields, act), act.call.file?.path ?? act.call.syscall),
  };
}

/** … about a story. */
export function storyRule(rule: DataRule): StoryRule {
  const { filesystems } = rule;
  return {
    ...rule.info,
    ...(filesystems !== null && { filesystems: [...filesystems] }),
    evaluate: (act: StoryAct) =>
      found(rule, readerOf(STORY_FIELDS, act), act.story.fs_type ?? act.story.kind),
  };
}

/** … about a container. */
export function containerRule(rule: DataRule): Rule<ContainerView> {
  return {
    ...rule.info,
    evaluate: (view) => found(rule, readerOf(CONTAINER_FIELDS, { view, exposure: null }), "container"),
  };
}

function found(rule: DataRule, read: FactReader, place: string): readonly Exposure[] {
  const severity = rule.judge(read);
  return severity === null ? NOTHING : [{ place, severity, evidence: [rule.evidence(read)] }];
}
