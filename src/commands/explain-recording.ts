import { KeyholeError } from "../errors.js";
import type { KeyholeEvent } from "../event.js";
import type { Decision } from "../exposures/decisions.js";
import { type Explanation, explain, type Question } from "../exposures/explanation.js";
import { rereadable } from "../exposures/recording-copy.js";
import { type NumberedLine, openRecording, type Recording } from "../exposures/recording-reader.js";
import { Replay } from "../exposures/replay.js";
import type { RuleSet } from "../exposures/rule-set.js";

/** Decisions that are kept: a finding can be told again and again for a week. */
const MAX_DECISIONS = 1_000;

/** An explanation, and what of the recording could not be read for it; null: all could. */
export interface RecordedExplanation {
  readonly explanation: Explanation | null;
  readonly cut: KeyholeError | null;
}

/** What `rules` make of an event or a finding of a recording. Throws KEYHOLE_RECORDING where nothing of it can be read. */
export function explainRecorded(file: string, question: Question, rules: RuleSet): RecordedExplanation {
  // a finding is found on the way; what an event is about has to be known before
  if (!("seq" in question))
    return replayFor(question, { recording: openRecording(file), event: null, rules });
  const { path, release } = rereadable(file);
  try {
    const event = findEvent(openRecording(file, path), question.seq);
    return replayFor(question, { recording: openRecording(file, path), event, rules });
  } finally {
    release();
  }
}

interface Source {
  readonly recording: Recording;
  /** What is asked about, where that is an event; null: it is none, or not in the recording. */
  readonly event: KeyholeEvent | null;
  readonly rules: RuleSet;
}

function replayFor(question: Question, { recording, event, rules }: Source): RecordedExplanation {
  const { header, lines } = recording;
  const meant = event?.type === "finding" ? { finding: event.id } : question;
  const replaying = new Replay(header, rules);
  const about: Decision[] = [];
  let forgotten = 0;
  const look = (act: () => void) => {
    const { total } = replaying.engine.decisions;
    try {
      act();
    } catch {
      // one input that makes no sense: keyhole replay says which
    }
    for (const one of replaying.engine.decisions.since(total)) {
      if (!("seq" in meant ? one.event_seq === meant.seq : one.finding === meant.finding)) continue;
      about.unshift(one);
      forgotten += about.splice(MAX_DECISIONS).length;
    }
  };
  const cut = readAll(lines, ({ line }) => look(() => replaying.take(line)));
  replaying.end();
  const explanation = explain(question, {
    engine: replaying.engine,
    decisionsAbout: () => about,
    eventOf: () => event,
    findingOf: (id) => replaying.changes.findings().find((finding) => finding.id === id) ?? null,
  });
  return { explanation: explanation === null ? null : { ...explanation, forgotten }, cut };
}

function findEvent({ lines }: Recording, seq: number): KeyholeEvent | null {
  let found: KeyholeEvent | null = null;
  readAll(lines, ({ line }) => {
    if ("event" in line && line.event.seq === seq && line.event.type !== "lost") found = line.event;
  });
  return found;
}

/** What ends the recording before its end, null: nothing. */
function readAll(lines: Iterable<NumberedLine>, take: (line: NumberedLine) => void): KeyholeError | null {
  try {
    for (const line of lines) take(line);
    return null;
  } catch (error) {
    if (!(error instanceof KeyholeError)) throw error;
    return error;
  }
}
