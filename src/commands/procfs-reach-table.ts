import { SEVERITIES, type Severity } from "../event.js";
import type { Reach } from "../exposures/reach.js";
import type { NotSeen } from "../mounts/procfs-survey.js";
import { neutralise } from "../publish/neutral.js";
import { render, type Style, span } from "../publish/style.js";
import { alignTable, type TableColumn } from "../publish/table.js";
import type { ContainerReach } from "./procfs-reach.js";

export interface ReachTableOptions {
  readonly color: boolean;
  readonly noHeader?: boolean;
}

/** Paths of one entry of the catalogue with the same answer. */
interface Row {
  readonly first: Reach;
  paths: number;
}

const ENTRY_COLUMNS: readonly TableColumn[] = ["SEVERITY", "READ", "WRITE", "ENTRY", "PATH", "WHY"].map(
  (name) => ({ name }),
);

/** What one container reaches: a line for each entry and answer, the most severe first; the harmless is counted. */
export function reachTable(reach: ContainerReach, options: ReachTableOptions): string {
  const rows = new Map<string, Row>();
  const left = { refused: 0, info: 0 };
  for (const one of reach.reaches ?? []) {
    if (one.severity === null || one.severity === "info") {
      left[one.severity === null ? "refused" : "info"] += 1;
      continue;
    }
    const key = [one.entry ?? one.path, one.dev, one.severity, one.read, one.write].join(" ");
    const row = rows.get(key);
    if (row === undefined) rows.set(key, { first: one, paths: 1 });
    else row.paths += 1;
  }
  const sorted = [...rows.values()].sort((a, b) => rank(a.first.severity) - rank(b.first.severity));
  const who = reach.as === "root" ? "its root" : `process ${reach.pid}`;
  return (
    painted(ENTRY_COLUMNS, sorted.map(entryCells), options) +
    `container ${neutralise(reach.container)}, ${who}: ${subjectOf(reach)}\n` +
    `not shown: ${left.refused} paths that are refused, ${left.info} that tell nothing of importance\n`
  );
}

const CONTAINER_COLUMNS: readonly TableColumn[] = [
  { name: "SEVERITY" },
  ...["CRITICAL", "HIGH", "MEDIUM", "LOW"].map((name) => ({ name, right: true })),
  { name: "PID", right: true },
  { name: "CONTAINER" },
  { name: "SUBJECT" },
];

/** The containers, the one that reaches the worst first, each with how many paths of each severity. */
export function reachSummary(reaches: readonly ContainerReach[], options: ReachTableOptions): string {
  const sorted = [...reaches].sort((a, b) => rank(a.severity) - rank(b.severity));
  const rows = sorted.map((one) => {
    return [
      one.severity ?? "-",
      ...SEVERITIES.filter((severity) => severity !== "info").map((severity) => String(one.paths[severity])),
      String(one.pid),
      neutralise(one.container),
      subjectOf(one),
    ];
  });
  return painted(CONTAINER_COLUMNS, rows, options);
}

/** What could not be looked at, a line each. */
export function notSeenLines(notSeen: readonly NotSeen[]): string {
  return notSeen.map(({ what, reason }) => `not seen: ${neutralise(what)}: ${neutralise(reason)}\n`).join("");
}

/** A table whose rows have the colour of the severity in their first cell. */
function painted(
  columns: readonly TableColumn[],
  rows: readonly (readonly string[])[],
  { color, noHeader }: ReachTableOptions,
): string {
  const { header, lines } = alignTable(columns, rows);
  const width = process.stdout.isTTY === true ? process.stdout.columns : undefined;
  const paint = (text: string, style: Style) => `${render([span(text.trimEnd(), style)], color, width)}\n`;
  let text = noHeader === true ? "" : paint(header, "bold");
  for (const [index, line] of lines.entries()) {
    const severity = SEVERITIES.find((one) => one === rows[index]?.[0]);
    text += paint(line, severity ?? "plain");
  }
  return text;
}

const CLASSES = {
  host_root: "the host's root",
  userns_root: "root of a user namespace",
  other: "no root",
} as const;

function subjectOf({ subject }: ContainerReach): string {
  return `uid ${subject.uid} of the host, ${CLASSES[subject.class]}`;
}

function entryCells({ first, paths }: Row): string[] {
  const more = paths === 1 ? "" : ` and ${paths - 1} more`;
  return [
    first.severity ?? "-",
    word(first.read),
    word(first.write),
    first.entry ?? (first.known ? "-" : "unknown"),
    `${neutralise(first.path)}${more}`,
    neutralise(first.why),
  ];
}

function word(answer: boolean | null): string {
  return answer === null ? "maybe" : answer ? "yes" : "no";
}

function rank(severity: Severity | null): number {
  return severity === null ? SEVERITIES.length : SEVERITIES.indexOf(severity);
}
