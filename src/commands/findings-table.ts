import { SEVERITIES } from "../event.js";
import type { FindingChange } from "../exposures/findings.js";
import { neutralise } from "../publish/neutral.js";
import { render, span } from "../publish/style.js";
import { subjectName } from "../publish/subject-name.js";

/**
 * Findings for a person to read, in the order given: a line for each, then its facts and what to do. Names that
 * containers chose are made harmless to a terminal.
 */
export function findingsTable(findings: readonly FindingChange[], color: boolean): string {
  const rows = findings.map(
    (finding) => [finding.severity, finding.rule, neutralise(subjectName(finding))] as const,
  );
  const widths = [0, 1, 2].map((column) => Math.max(0, ...rows.map((row) => row[column]!.length)));
  const indent = " ".repeat(widths[0]! + 2);
  let text = "";
  for (const [index, finding] of findings.entries()) {
    const [severity, rule, subject] = rows[index]!;
    const columns = `  ${rule.padEnd(widths[1]!)}  ${subject.padEnd(widths[2]!)}  ${finding.title}`;
    text += `${render([span(severity.padEnd(widths[0]!), severity), span(columns)], color)}\n`;
    for (const { fact } of finding.evidence) text += `${indent}${neutralise(fact)}\n`;
    if (finding.state === "resolved")
      text += `${indent}resolved at ${finding.last_seen}: ${finding.reason ?? "?"}\n`;
    if (finding.kind === "act") text += `${indent}${timesOf(finding)}\n`;
    if (finding.also.length > 0) text += `${indent}also: ${finding.also.join(", ")}\n`;
    text += `${indent}do: ${finding.remediation}\n`;
  }
  return text;
}

function timesOf({ count, first_seen, last_seen }: FindingChange): string {
  return count === 1 ? `at ${first_seen}` : `${count} times, from ${first_seen} to ${last_seen}`;
}

/** The most severe first; otherwise in the order given. */
export function bySeverity(findings: readonly FindingChange[]): FindingChange[] {
  return [...findings].sort((a, b) => SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity));
}
