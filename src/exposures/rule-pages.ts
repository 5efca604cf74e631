/** Rules, exceptions and fields as Markdown. */
import { code, table } from "../publish/markdown-table.js";
import { ALL_CALL_FIELDS } from "./call-fields.js";
import { CONTAINER_FIELDS } from "./container-fields.js";
import type { DataException } from "./exception-compiler.js";
import { FACT_WORDS } from "./fact-words.js";
import type { FieldInfo } from "./field.js";
import type { RuleInfo } from "./rule.js";
import type { On } from "./rule-language.js";
import { STORY_FIELDS } from "./story-fields.js";

/** A field, and the kinds of rules that can name it. */
export interface ListedField extends FieldInfo {
  readonly on: readonly On[];
}

/** All fields by name. */
export function allFields(): readonly ListedField[] {
  const tables = { call: ALL_CALL_FIELDS, story: STORY_FIELDS, container: CONTAINER_FIELDS } as const;
  const listed = new Map<string, FieldInfo & { readonly on: On[] }>();
  for (const [on, table] of Object.entries(tables) as [On, ReadonlyMap<string, FieldInfo>][]) {
    for (const { name, type, doc } of table.values()) {
      const known = listed.get(name);
      if (known === undefined) listed.set(name, { name, type, doc, on: [on] });
      else known.on.push(on);
    }
  }
  return [...listed.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** A list of `rules`, and one section for each. `exceptions` are named with what they spare. */
export function rulesPage(rules: readonly RuleInfo[], exceptions: readonly DataException[]): string {
  const rows = rules.map(({ id, kind, severity, title }) => [`[${code(id)}](#${id})`, kind, severity, title]);
  const overview = table(["Rule", "Kind", "Severity", "What it says"], rows);
  return [overview, ...rules.map((rule) => section(rule, exceptions))].join("\n\n");
}

/** A table of `exceptions`. */
export function exceptionsTable(exceptions: readonly DataException[]): string {
  return table(
    ["Exception", "Spares findings of", "Who, and why"],
    exceptions.map(({ name, rules, description, enabled }) => [
      `${code(name)}${enabled ? "" : ", switched off"}`,
      [...rules].map((id) => `[${code(id)}](#${id})`).join(", "),
      description,
    ]),
  );
}

/** A table of all fields. */
export function fieldsTable(): string {
  return table(
    ["Field", "Type", "Of", "What it is"],
    allFields().map(({ name, type, on, doc }) => [code(name), type, on.join(", "), doc]),
  );
}

function section(rule: RuleInfo, exceptions: readonly DataException[]): string {
  const { id, title, kind, severity, description, remediation, references, tags, needs, subsumes } = rule;
  const sparing = exceptions.filter(({ rules }) => rules.has(id));
  const facts = table(
    ["", ""],
    [
      ["Kind", kind],
      ["Severity, at most", severity],
      ...(rule.severityDependsOn === undefined ? [] : [["It is", code(rule.severityDependsOn)]]),
      ["Needs", needs.map((fact) => FACT_WORDS[fact]).join("; ")],
      [
        "Says more than",
        subsumes.map((other) => `[${code(other)}](#${other})`).join(", ") || "no other rule",
      ],
      ["Tags", tags.map(code).join(", ")],
      ...(sparing.length === 0 ? [] : [["Exceptions", sparing.map(({ name }) => code(name)).join(", ")]]),
    ],
  );
  const parts = [`## ${id}`, `${title}.`, facts, description];
  if (rule.condition !== undefined) parts.push(`\`\`\`cel\n${rule.condition}\n\`\`\``);
  parts.push(`**What to do.** ${remediation}`);
  const benign = rule.benign ?? [];
  if (benign.length > 0) parts.push(`**Without harm**\n\n${benign.map((who) => `- ${who}`).join("\n")}`);
  if (references.length > 0)
    parts.push(`**References**\n\n${references.map((url) => `- <${url}>`).join("\n")}`);
  return parts.join("\n\n");
}
