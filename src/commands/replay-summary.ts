import type { ReplayChange } from "../exposures/replay-changes.js";
import { neutralise } from "../publish/neutral.js";
import { render, span } from "../publish/style.js";
import { subjectName } from "../publish/subject-name.js";
import type { ReplayReport } from "./replay.js";

/** What is new, gone or changed, a line each: the severities that the finding has now, or had. */
export function changesTable(changes: readonly ReplayChange[], color: boolean): string {
  const rows = changes.map((one) => ({
    one,
    severity: severityOf(one),
    subject: neutralise(subjectName(one)),
    rule: neutralise(one.rule),
  }));
  const width = (of: (row: (typeof rows)[number]) => string) =>
    Math.max(0, ...rows.map((row) => of(row).length));
  const widths = [
    width(({ severity }) => severity),
    width(({ rule }) => rule),
    width(({ subject }) => subject),
  ];
  return rows
    .map(({ one, severity, subject, rule }) => {
      const style = one.replayed ?? one.recorded ?? "info";
      const differs = one.differs.length === 0 ? "" : `: ${one.differs.map(neutralise).join(", ")}`;
      const id = neutralise(one.id);
      const rest = `  ${rule.padEnd(widths[1]!)}  ${subject.padEnd(widths[2]!)}  ${id}${differs}`;
      const spans = [span(one.change.padEnd("changed".length)), span("  ")];
      return `${render([...spans, span(severity.padEnd(widths[0]!), style), span(rest)], color)}\n`;
    })
    .join("");
}

function severityOf({ recorded, replayed }: ReplayChange): string {
  if (recorded === null || replayed === null || recorded === replayed) return replayed ?? recorded ?? "";
  return `${recorded} -> ${replayed}`;
}

/** How a replay went, for a person; the differences are counted unless they were printed. */
export function summaryText(report: ReplayReport, file: string, listed: boolean): string {
  const { lines, events, findings, same, changes, lost, unanswered, exchanges, failures, failed } = report;
  const of = (change: ReplayChange["change"]) => changes.filter((one) => one.change === change).length;
  const text = [
    `replayed: ${lines} lines, ${events} events, findings: ${findings}`,
    `against the recording: ${same} the same, ${of("new")} new, ${of("gone")} gone, ${of("changed")} changed` +
      (listed || changes.length === 0 ? "" : " (--diff lists them)"),
  ];
  if (report.added.length > 0) text.push(`rules that it was not recorded with: ${report.added.join(", ")}`);
  if (report.removed.length > 0)
    text.push(`rules that are gone since: ${report.removed.map(neutralise).join(", ")}`);
  if (report.inactive.length > 0)
    text.push(`not judged, for want of facts in the recording: ${report.inactive.join(", ")}`);
  if (exchanges > 0) text.push(`the rules were exchanged ${exchanges} times while this was recorded`);
  if (lost > 0)
    text.push(`missing in the recording: ${lost} lines, so that findings can differ without cause`);
  for (const [question, count] of Object.entries(unanswered))
    text.push(`not recorded, and asked for by rules: ${neutralise(question)}, ${count} times`);
  for (const { line, error } of failures)
    text.push(`${file}:${line}: could not be replayed: ${neutralise(error)}`);
  if (failed > failures.length) text.push(`… and ${failed - failures.length} more`);
  return `${text.join("\n")}\n`;
}
