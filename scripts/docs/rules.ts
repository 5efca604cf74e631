import type { Fact, RuleInfo } from "../../src/exposures/rule.js";
import { allRules, DETECTORS } from "../../src/exposures/rule-set.js";
import { code, table } from "./page.js";

const FACTS: Readonly<Record<Fact, string>> = {
  mountinfo: "the mount tables of containers",
  "host-procfs": "which superblock is the host's own /proc",
  "procfs-pid-namespace": "the pid namespace that a procfs instance shows",
  "pid-namespace-tree": "which pid namespace descends from which",
  syscalls: "system calls as they happen",
  "procfs-options": "the options of procfs instances before and after a call",
  "runtime-spec": "what the runtime was told about a container",
  opens: "the files that tasks of containers open",
  stories: "mounts from their first call to their end",
  descriptors: "what the descriptors of tasks refer to",
};

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
      ["Needs", needs.map((fact) => FACTS[fact]).join("; ")],
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
