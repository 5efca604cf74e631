import { FACT_WORDS } from "../../src/exposures/fact-words.js";
import type { RuleInfo } from "../../src/exposures/rule.js";
import { allRules, DETECTORS } from "../../src/exposures/rule-set.js";
import { code, table } from "./page.js";

const CATALOGUE = allRules(DETECTORS);

/** A list of all rules, and one section for each. */
export function rules(): string {
  const rows = CATALOGUE.map(({ id, kind, severity, title }) => [
    `[${code(id)}](#${id})`,
    kind,
    severity,
    title,
  ]);
  const overview = table(["Rule", "Kind", "Severity", "What it says"], rows);
  return [overview, ...CATALOGUE.map(section)].join("\n\n");
}

function section(rule: RuleInfo): string {
  const { id, title, kind, severity, description, remediation, references, tags, needs, subsumes } = rule;
  const facts = table(
    ["", ""],
    [
      ["Kind", kind],
      ["Severity, at most", severity],
      ["Needs", needs.map((fact) => FACT_WORDS[fact]).join("; ")],
      [
        "Says more than",
        subsumes.map((other) => `[${code(other)}](#${other})`).join(", ") || "no other rule",
      ],
      ["Tags", tags.map(code).join(", ")],
    ],
  );
  const links = references.map((url) => `- <${url}>`).join("\n");
  return `## ${id}\n\n${title}.\n\n${facts}\n\n${description}\n\n**What to do.** ${remediation}\n\n**References**\n\n${links}`;
}
