import { containerName } from "../publish/container-name.js";
import { neutralise, word } from "../publish/neutral.js";
import { render, type Span, span } from "../publish/style.js";
import { alignTable, type TableColumn } from "../publish/table.js";
import type { ProcessAnswer } from "./pid-answers.js";
import type { PidQuestion } from "./pid-question.js";

const PID_COLUMNS: readonly TableColumn[] = [
  { name: "PID", right: true },
  { name: "PIDNS" },
  { name: "ID", right: true },
  { name: "LEVEL", right: true },
  { name: "INIT", right: true },
  { name: "CONTAINER" },
];
const ID_COLUMNS: readonly TableColumn[] = [
  { name: "UID", right: true },
  { name: "GID", right: true },
  { name: "USERNS" },
  { name: "ID", right: true },
  { name: "LEVEL", right: true },
  { name: "" },
];

/** One process for a person to read: who it is, its pids, then its uid and gid, the innermost namespace first. */
export function processTable(question: PidQuestion, process: ProcessAnswer, color: boolean): string {
  const { tid, pid } = process;
  const who = tid === pid ? `process ${pid}` : `thread ${tid} of process ${pid}`;
  const asked = question.ns === null ? "" : `${neutralise(question.asked)} is `;
  const exe = process.exe === null ? "" : ` (${neutralise(process.exe)})`;
  const about = ` ${word(process.comm)}${exe}, parent ${process.ppid}`;
  let text = line([span(`${asked}${who}`, "bold"), span(about)], color);

  const pids = process.pid_namespaces.map((level) => [
    String(level.pid),
    `pid:[${level.ns ?? "?"}]`,
    level.id ?? "-",
    String(level.level ?? "-"),
    String(level.init ?? "-"),
    level.container === null ? where(level.host) : containerName(level.container),
  ]);
  const ids = process.user_namespaces.map((level) => [
    String(level.uid ?? "-"),
    String(level.gid ?? "-"),
    `user:[${level.ns ?? "?"}]`,
    level.id ?? "-",
    String(level.level ?? "-"),
    where(level.host),
  ]);
  for (const { header, lines } of [alignTable(PID_COLUMNS, pids), alignTable(ID_COLUMNS, ids)]) {
    text += line([span(`  ${header}`, "dim")], color);
    for (const row of lines) text += line([span(`  ${row}`)], color);
  }
  return text;
}

function where(isHost: boolean): string {
  return isHost ? "host" : "-";
}

function line(spans: readonly Span[], color: boolean): string {
  return `${render(spans, color).trimEnd()}\n`;
}
