import type { ScanReport } from "../commands/scan-report.js";
import { SEVERITIES } from "../event.js";
import { neutralise } from "./neutral.js";
import { subjectName } from "./subject-name.js";

/** The report for a ticket or a pull request: how much of what, then each finding with what shows it and what to do. */
export function markdown({ node, time, containers, findings, notSeen, suppressed }: ScanReport): string {
  const lines = [
    `# Procfs exposures of ${code(node)}`,
    "",
    `${time}: ${containers.length} containers, ${findings.length} findings.`,
    "",
    "| Severity | Findings |",
    "| --- | --- |",
    ...SEVERITIES.map(
      (severity) => [severity, findings.filter((one) => one.severity === severity).length] as const,
    )
      .filter(([, count]) => count > 0)
      .map(([severity, count]) => `| ${severity} | ${count} |`),
  ];
  const exposed = containers.filter(({ score }) => score > 0);
  if (exposed.length > 0) {
    lines.push("", "| Container | Score of 100 |", "| --- | --- |");
    for (const { id, container, score } of exposed) {
      const name = subjectName({ subject: { kind: "container", id, container, pid: null } });
      lines.push(`| ${code(name).replaceAll("|", "\\|")} | ${score} |`);
    }
  }
  for (const finding of findings) {
    lines.push("", `## ${finding.severity}: ${plain(finding.title)}`, "");
    lines.push(`${code(subjectName(finding))}, rule ${code(finding.rule)}`, "");
    for (const { fact, check } of finding.evidence)
      lines.push(`- ${plain(fact)}${check === undefined ? "" : `: ${code(check)}`}`);
    lines.push("", plain(finding.remediation));
  }
  const gaps = [
    ...Object.entries(suppressed).map(
      ([reason, count]) => `- ${count} findings are not shown: ${plain(reason)}`,
    ),
    ...notSeen.map(({ what, reason }) => `- not seen: ${plain(what)}: ${plain(reason)}`),
  ];
  if (gaps.length > 0) lines.push("", "## What this leaves out", "", ...gaps);
  return `${lines.join("\n")}\n`;
}

/** Text that a container may have chosen, without what Markdown or HTML would make of it. */
function plain(text: string): string {
  return neutralise(text).replace(/[&<>\\`*_[\]|~#!]/g, (character) =>
    "&<>".includes(character) ? `&#${character.charCodeAt(0)};` : `\\${character}`,
  );
}

/** The same between backticks: as many as are not in it, so that none ends it. */
function code(text: string): string {
  const harmless = neutralise(text);
  const longest = Math.max(0, ...[...harmless.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = "`".repeat(longest + 1);
  const space = harmless.startsWith("`") || harmless.endsWith("`") ? " " : "";
  return `${fence}${space}${harmless}${space}${fence}`;
}
