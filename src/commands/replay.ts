import { setImmediate } from "node:timers/promises";
import type { Config } from "../config/config.js";
import { describeError, KeyholeError } from "../errors.js";
import type { KeyholeEvent } from "../event.js";
import { Exposures } from "../exposures/engine.js";
import { type NumberedLine, openRecording, type Recording } from "../exposures/recording-reader.js";
import { Replay } from "../exposures/replay.js";
import type { ReplayChange } from "../exposures/replay-changes.js";
import { allRules } from "../exposures/rule-set.js";
import { serialise } from "../publish/json.js";
import { formatLine } from "../publish/terminal.js";
import { bySeverity, findingsTable } from "./findings-table.js";
import { changesTable, summaryText } from "./replay-summary.js";
import { loadedRulesOf, tellProblems } from "./rules-of.js";

export const REPLAY_OUTPUTS = ["table", "text", "json"] as const;
export type ReplayOutput = (typeof REPLAY_OUTPUTS)[number];

export interface ReplayOptions {
  readonly file: string;
  readonly config: Pick<Config, "rules">;
  readonly output: ReplayOutput;
  /** Only what differs from the findings of the recording. */
  readonly diff: boolean;
  /** End with 1 when something does. */
  readonly failOnChange: boolean;
  readonly color: boolean;
}

/** What came of a replay, as `keyhole replay --diff -o json` prints it. */
export interface ReplayReport {
  readonly lines: number;
  readonly events: number;
  readonly findings: number;
  readonly same: number;
  readonly changes: readonly ReplayChange[];
  /** Lines that the recording says it lacks. */
  readonly lost: number;
  readonly unanswered: { readonly [question: string]: number };
  readonly exchanges: number;
  /** Lines at which a rule or the engine failed, and at the first of them how. */
  readonly failures: readonly { readonly line: number; readonly error: string }[];
  readonly failed: number;
  /** Rules that need what was not known when this was recorded. */
  readonly inactive: readonly string[];
  /** Rules of the replay that were not there, and the other way round. */
  readonly added: readonly string[];
  readonly removed: readonly string[];
}

const TOLD_FAILURES = 10;
/** After so many lines whoever reads stdout gets a turn. */
const LINES_A_TURN = 512;
/** Of the recording or of files of rules, a part could not be used. */
const EXIT_BAD = 2;

/**
 * `keyhole replay`: the events of a recording, and the findings that the rules make of it now. Resolves to the exit
 * status: 0, 1 by `failOnChange`, 2 where a part of the recording, or of files of rules, could not be used. Throws KEYHOLE_RECORDING where
 * nothing of it can, and KEYHOLE_RULE_UNKNOWN.
 */
export async function replay(options: ReplayOptions): Promise<number> {
  const { output, diff, color } = options;
  const loaded = loadedRulesOf(options.config);
  const { rules, problems } = loaded;
  tellProblems(loaded);
  const recording = openRecording(options.file);
  const replaying = new Replay(recording.header, rules);
  const print = diff ? () => {} : printer(output, color);
  const { cut, ...counts } = await replayAll(recording, replaying, print);
  const report = reportOf(replaying, recording, counts);
  if (diff && output === "json") write(`${JSON.stringify(report)}\n`);
  else if (diff) write(changesTable(report.changes, color));
  else if (output === "table") write(findingsTable(bySeverity(replaying.changes.findings()), color));
  // what is for programs has stdout to itself
  const told = output === "table" || (diff && output === "text") ? process.stdout : process.stderr;
  told.write(summaryText(report, options.file, diff));
  if (cut !== null) process.stderr.write(`${describeError(cut)}\n`);
  if (cut !== null || report.failed > 0 || problems.length > 0) return EXIT_BAD;
  return options.failOnChange && report.changes.length > 0 ? 1 : 0;
}

type Counts = Pick<ReplayReport, "lines" | "events" | "failures" | "failed">;

async function replayAll(
  { lines }: Recording,
  replaying: Replay,
  print: (event: KeyholeEvent) => void,
): Promise<Counts & { readonly cut: KeyholeError | null }> {
  const failures: { line: number; error: string }[] = [];
  const counts = { lines: 1, events: 0, failed: 0 };
  const tell = (events: readonly KeyholeEvent[]) => {
    counts.events += events.length;
    for (const event of events) print(event);
  };
  const take = ({ number, line }: NumberedLine) => {
    counts.lines = number;
    try {
      tell(replaying.take(line));
    } catch (error) {
      if (counts.failed++ < TOLD_FAILURES) failures.push({ line: number, error: String(error) });
    }
  };
  let cut: KeyholeError | null = null;
  try {
    for (const numbered of lines) {
      take(numbered);
      if (numbered.number % LINES_A_TURN === 0) await setImmediate();
    }
  } catch (error) {
    if (!(error instanceof KeyholeError)) throw error;
    cut = error;
  }
  tell(replaying.end());
  return { ...counts, failures, cut };
}

function reportOf(replaying: Replay, { header }: Recording, counts: Counts): ReplayReport {
  const { lost, unanswered, exchanges } = replaying.gaps;
  const ids = allRules(replaying.engine.rules).map(({ id }) => id);
  const inactive = Exposures.inactive(replaying.engine.rules, replaying.facts).map(({ rule }) => rule);
  return {
    ...counts,
    findings: replaying.changes.findings().length,
    same: replaying.changes.same,
    changes: replaying.changes.changes(),
    lost,
    unanswered: Object.fromEntries(unanswered),
    exchanges,
    inactive: replaying.facts.size === 0 ? [] : inactive,
    added: ids.filter((id) => !header.rules.ids.includes(id)),
    removed: header.rules.ids.filter((id) => !ids.includes(id)),
  };
}

function printer(output: ReplayOutput, color: boolean): (event: KeyholeEvent) => void {
  switch (output) {
    case "table":
      return () => {};
    case "json":
      return (event) => write(`${serialise(event)}\n`);
    case "text":
      return (event) => write(`${formatLine(event, { color })}\n`);
  }
}

function write(text: string): void {
  process.stdout.write(text);
}
