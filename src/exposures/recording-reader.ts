import { isUtf8 } from "node:buffer";
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { KeyholeError } from "../errors.js";
import { SEVERITIES } from "../event.js";
import { neutralise, quoted } from "../publish/neutral.js";
import { RECORDING_VERSION, type RecordingHeader, type RecordingLine } from "./recording.js";
import { decode } from "./recording-values.js";

export interface NumberedLine {
  /** From 1 on. */
  readonly number: number;
  readonly line: RecordingLine;
}

/** A recording whose first line has been read. */
export interface Recording {
  readonly file: string;
  readonly header: RecordingHeader;
  /**
   * The lines after it, once. Throws KEYHOLE_RECORDING at the first that cannot be read: all before it have been given
   * by then.
   */
  readonly lines: Iterable<NumberedLine>;
}

const CHUNK = 1024 * 1024;
/** A line of a recording is the mount table of one container at most. */
const MAX_LINE = 64 * 1024 * 1024;

/**
 * Opens a recording; a pipe is read as it comes. `path` is where its bytes are, if that is not what it is called. Throws
 * KEYHOLE_RECORDING where there is none, or one of another version.
 */
export function openRecording(file: string, path = file): Recording {
  const lines = readLines(file, path);
  const first = lines.next();
  if (first.done === true) throw bad(file, 1, 1, { what: "the recording is empty", found: "no line at all" });
  const header = parse(file, first.value) as RecordingHeader;
  const written = (header as Partial<RecordingHeader> | null)?.keyhole_recording;
  if (written === undefined || !isHeader(header)) {
    throw bad(file, 1, 1, {
      what: "this is no recording",
      found: `a line that begins ${excerpt(first.value.bytes)}`,
    });
  }
  if (written !== RECORDING_VERSION) {
    throw bad(file, 1, 1, {
      what: `the recording has version ${JSON.stringify(written)}`,
      expected: `version ${RECORDING_VERSION}`,
      found: `one written by Keyhole ${JSON.stringify(header.version)}`,
      hint: "replay it with that version of Keyhole",
    });
  }
  return { file, header, lines: parsed(file, lines) };
}

/** What is wrong with a recording: KEYHOLE_RECORDING, with FILE:LINE:COLUMN. */
export function bad(
  file: string,
  line: number,
  column: number,
  { what, expected, found, hint }: { what: string; expected?: string; found: string; hint?: string },
): KeyholeError {
  return new KeyholeError(`${file}:${line}:${column}: ${what}`, {
    code: "KEYHOLE_RECORDING",
    expected: expected ?? "a file that `keyhole run --record` or `keyhole scan --record` wrote",
    found,
    hint: hint ?? "name a recording; a new one is made with `keyhole run --record FILE`",
  });
}

interface Raw {
  readonly number: number;
  readonly bytes: Buffer;
  /** Whether a line feed ends it. */
  readonly whole: boolean;
}

function* parsed(file: string, lines: Iterable<Raw>): Generator<NumberedLine> {
  for (const raw of lines) {
    const line = parse(file, raw);
    if (!isLine(line)) {
      throw bad(file, raw.number, 1, {
        what: "no line of a recording",
        expected: "an event, an input of the rules, or a count of lost lines",
        found: excerpt(raw.bytes),
        hint: CUT_HINT,
      });
    }
    yield { number: raw.number, line };
  }
}

const CUT_HINT = "what came before this line was read; cut the file there, or record anew";

function parse(file: string, { number, bytes, whole }: Raw): unknown {
  const text = bytes.toString("utf8");
  try {
    if (!isUtf8(bytes)) throw new SyntaxError("bytes that are not UTF-8");
    return decode(text);
  } catch (error) {
    const at = / at position (\d+)/.exec((error as Error).message)?.[1];
    const column = whole ? Number(at ?? 0) + 1 : text.length + 1;
    throw bad(file, number, column, {
      what: whole ? "this line is no JSON" : "the recording ends in the middle of this line",
      expected: "one JSON object a line",
      found:
        number === 1 || !whole
          ? `${excerpt(bytes)}, ${bytes.length} bytes`
          : neutralise((error as Error).message),
      ...(number > 1 && { hint: CUT_HINT }),
    });
  }
}

function* readLines(file: string, path: string): Generator<Raw, undefined> {
  const fd = openToRead(file, path);
  try {
    let number = 1;
    let rest: Buffer[] = [];
    let length = 0;
    for (;;) {
      const chunk = Buffer.allocUnsafe(CHUNK);
      const count = readChunk(file, fd, chunk);
      if (count === 0) break;
      let start = 0;
      for (let end = chunk.indexOf(0x0a); end >= 0 && end < count; end = chunk.indexOf(0x0a, start)) {
        yield { number, bytes: Buffer.concat([...rest, chunk.subarray(start, end)]), whole: true };
        [number, rest, length, start] = [number + 1, [], 0, end + 1];
      }
      rest.push(chunk.subarray(start, count));
      length += count - start;
      if (length > MAX_LINE) {
        const found = `more than ${MAX_LINE / 1024 / 1024} MiB without a line feed`;
        throw bad(file, number, 1, { what: "this line is too long", found });
      }
    }
    if (length > 0) yield { number, bytes: Buffer.concat(rest), whole: false };
  } finally {
    closeSync(fd);
  }
}

function openToRead(file: string, path: string): number {
  try {
    const fd = openSync(path, "r");
    if (!fstatSync(fd).isDirectory()) return fd;
    closeSync(fd);
    throw Object.assign(new Error("a directory"), { code: "EISDIR" });
  } catch (error) {
    throw unreadable(file, error);
  }
}

function readChunk(file: string, fd: number, chunk: Buffer): number {
  try {
    return readSync(fd, chunk, 0, CHUNK, null);
  } catch (error) {
    throw unreadable(file, error);
  }
}

/** That the file of a recording cannot be opened or read: KEYHOLE_RECORDING. */
export function unreadable(file: string, error: unknown): KeyholeError {
  return new KeyholeError(`the recording ${file} cannot be read`, {
    code: "KEYHOLE_RECORDING",
    expected: "a file that `keyhole run --record` wrote, or a pipe with what is in one",
    found: (error as NodeJS.ErrnoException).code ?? String(error),
    hint: "check the path and its permissions",
    cause: error,
  });
}

function excerpt(bytes: Buffer): string {
  const text = bytes.subarray(0, 40).toString("utf8");
  return quoted(bytes.length > 40 ? `${text}…` : text);
}

function isHeader(header: Partial<RecordingHeader>): boolean {
  if (header.keyhole_recording !== RECORDING_VERSION) return typeof header.keyhole_recording === "number";
  const { host_ns: hostNs, node, time, rules } = header;
  return Array.isArray(hostNs) && [node, time].every(isText) && isObject(rules) && Array.isArray(rules.ids);
}

/** The members without which a line says nothing; what is in them is checked by what uses it. */
const MEMBERS: Readonly<Record<string, readonly string[]>> = {
  posture: ["view"],
  gone: ["container", "reason"],
  act: ["context", "answers"],
  story: ["context", "answers"],
  instance: ["before", "after"],
  own: ["container"],
  rules: ["rules"],
  facts: ["facts"],
};

function isLine(line: unknown): line is RecordingLine {
  if (!isObject(line)) return false;
  if ("event" in line) return isEvent(line.event);
  if ("lost" in line) return typeof line.lost === "number";
  if (!("in" in line && "time" in line) || typeof line.in !== "string") return false;
  const members = Object.hasOwn(MEMBERS, line.in) ? MEMBERS[line.in] : undefined;
  if (members?.every((member) => member in line) !== true) return false;
  return line.in !== "posture" || isView(line.view);
}

function isEvent(event: unknown): boolean {
  if (!isObject(event) || typeof event.seq !== "number" || !("type" in event && "time" in event))
    return false;
  return event.type !== "finding" || isFinding(event);
}

function isFinding({ id, rule, title, severity, subject }: Json): boolean {
  if (![id, rule, title].every(isText) || !isObject(subject)) return false;
  if (!isText(subject.kind) || !isText(subject.id) || !SEVERITIES.some((one) => one === severity))
    return false;
  return subject.container === null || isContainer(subject.container);
}

/** Whose it is; the rest is looked at by rules. */
function isView(view: unknown): boolean {
  if (!isObject(view) || !isObject(view.task)) return false;
  return isContainer(view.container) && typeof view.task.pid === "number";
}

function isContainer(container: unknown): boolean {
  if (!isObject(container) || !isText(container.id)) return false;
  return container.pod === null || isObject(container.pod);
}

type Json = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null;
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}
