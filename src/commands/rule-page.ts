import type { Severity } from "../event.js";
import { FACT_WORDS } from "../exposures/fact-words.js";
import type { RuleInfo } from "../exposures/rule.js";
import type { RuleSet } from "../exposures/rule-set.js";
import { neutralise } from "../publish/neutral.js";
import { render, span } from "../publish/style.js";

/** All that is known of a rule, as `keyhole explain RULE -o json` prints it. */
export interface RulePage extends RuleInfo {
  /** By the configuration, in place of what it finds; null: none. */
  readonly severity_override: Severity | null;
  readonly disabled: boolean;
  /** What it is evaluated for: system calls, or types of file systems; absent where it looks at containers. */
  readonly looks_at?: readonly string[];
  /** Of this rule: what is spared. */
  readonly exceptions: readonly {
    readonly name: string;
    readonly description: string;
    readonly origin: string;
  }[];
}

export function rulePage(rule: RuleInfo, set: RuleSet): RulePage {
  const { id, title, kind, severity, description, remediation, references, tags, needs, subsumes } = rule;
  const act = set.acts.find((one) => one.id === id);
  const story = set.stories.find((one) => one.id === id);
  const looksAt = act?.syscalls ?? story?.filesystems;
  return {
    ...{ id, title, kind, severity, description, remediation, references, tags, needs, subsumes },
    ...(rule.severityDependsOn !== undefined && { severityDependsOn: rule.severityDependsOn }),
    ...(rule.benign !== undefined && { benign: rule.benign }),
    ...(rule.condition !== undefined && { condition: rule.condition }),
    ...(rule.origin !== undefined && { origin: rule.origin }),
    severity_override: set.overrides.severity[id] ?? null,
    disabled: set.overrides.disable.includes(id),
    ...(looksAt !== undefined && { looks_at: looksAt }),
    exceptions: set.exceptions
      .filter(({ rules }) => rules.has(id))
      .map(({ name, description, origin }) => ({ name, description, origin })),
  };
}

/** The page for a person. */
export function rulePageText(page: RulePage, color: boolean): string {
  const heading = render([span(page.id, page.severity), span(`  ${page.title}`)], color);
  const severity = [
    `at most ${page.severity}`,
    ...(page.severityDependsOn === undefined ? [] : [page.severityDependsOn]),
    ...(page.severity_override === null ? [] : [`the configuration makes it ${page.severity_override}`]),
  ];
  const facts: [name: string, values: readonly string[]][] = [
    ["kind", [page.kind]],
    ["severity", severity],
    ["state", page.disabled ? ["disabled by the configuration: what it finds is counted, and not told"] : []],
    ["looks at", page.looks_at === undefined ? [] : [page.looks_at.join(", ")]],
    ["condition", page.condition === undefined ? [] : page.condition.trim().split("\n")],
    ["written in", page.origin === undefined ? ["Keyhole itself, as a detector"] : [page.origin]],
    ["needs", page.needs.map((fact) => FACT_WORDS[fact])],
    ["says more than", page.subsumes],
    ["tags", page.tags],
    ["benign", page.benign ?? []],
    [
      "exceptions",
      page.exceptions.map(({ name, description, origin }) => `${name}: ${description} (${origin})`),
    ],
    ["references", page.references],
  ];
  const width = Math.max(...facts.map(([name]) => name.length)) + 2;
  const lines = facts
    .filter(([, values]) => values.length > 0)
    .flatMap(([name, values]) =>
      values.map((value, index) => `${(index === 0 ? name : "").padEnd(width)}${neutralise(value)}`),
    );
  const paragraphs = [page.description, `What to do: ${page.remediation}`].map((text) => neutralise(text));
  return `${heading}\n\n${paragraphs.join("\n\n")}\n\n${lines.join("\n")}\n`;
}
