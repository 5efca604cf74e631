import type {
  AgentEvent,
  FindingEvent,
  KeyholeEvent,
  LostEvent,
  MountState,
  ProcfsState,
  StoryEvent,
  StoryHolder,
  StoryStep,
} from "../event.js";
import { containerName } from "./container-name.js";
import { neutralise, quoted, word } from "./neutral.js";
import { render, type Span, type Style, span } from "./style.js";
import { argText, containerSpans, syscallSpans } from "./syscall-spans.js";

export interface LineOptions {
  readonly color: boolean;
  /**
   * Columns of the terminal; the first line is cut there, but of a call the arguments are shortened first, so that its
   * result and what it changed are seen. Absent: nothing is cut.
   */
  readonly width?: number;
}

/**
 * One event for a person: a line, and for a finding an indented line for each piece of evidence. Everything
 * that came from a traced process is neutralised, so the text holds no control character but its line feeds
 * and, with `color`, our own colours.
 */
export function formatLine(event: KeyholeEvent, { color, width }: LineOptions): string {
  const [first, ...more] = linesOf(event, width === undefined ? undefined : width - CLOCK_WIDTH);
  const head = render([span(clock(event.time), "dim"), span("  "), ...first!], color, width);
  return [head, ...more.map((spans) => render([span(INDENT), ...spans], color))].join("\n");
}

/** Of the time, and the two spaces after it. */
const CLOCK_WIDTH = 14;
const WORD_WIDTH = 8;
const INDENT = " ".repeat(CLOCK_WIDTH + WORD_WIDTH + 2);

/** `room`: how many characters the first line may have. */
function linesOf(event: KeyholeEvent, room: number | undefined): readonly (readonly Span[])[] {
  switch (event.type) {
    case "syscall": {
      const failed = event.ret === null || event.ret < 0;
      const word = heading(failed ? "failed" : "call", failed ? "bad" : "dim");
      return [[...word, ...syscallSpans(event, room === undefined ? undefined : room - WORD_WIDTH - 2)]];
    }
    case "story":
      return storyLines(event);
    case "finding":
      return findingLines(event);
    case "lost":
      return [lostLine(event)];
    case "agent":
      return [agentLine(event)];
    default:
      return [otherLine(event)];
  }
}

/** Hours to milliseconds, UTC, of an RFC 3339 time. */
function clock(time: string): string {
  const [, seconds = "??:??:??", fraction = ""] = /T(\d\d:\d\d:\d\d)(?:\.(\d{1,3}))?/.exec(time) ?? [];
  return `${seconds}.${fraction.padEnd(3, "0")}`;
}

function heading(text: string, style: Style): readonly Span[] {
  return [span(text, style), span(" ".repeat(Math.max(WORD_WIDTH - text.length, 0) + 2))];
}

/** What came of it in a line, and below it its steps: those of a story of one call stand in the line of that call. */
function storyLines(event: StoryEvent): readonly (readonly Span[])[] {
  const { state, kind, mount, procfs, holders, holders_omitted, steps } = event;
  const bad = state === "rejected" || state === "process-died";
  const first = [
    ...heading("story", bad ? "bad" : "info"),
    span(word(event.process.comm), "bold"),
    span(`[${event.process.pid}] `),
    ...containerSpans(event.container),
    span(` ${kind} `),
    span(event.fs_type === null ? "" : `${word(event.fs_type)} `, "bold"),
    span(state, bad ? "bad" : "good"),
    ...(mount === undefined ? [] : [span(`  ${storyMount(mount)}`)]),
    ...(procfs === undefined
      ? []
      : [span(`  pid:[${procfsPidNs(procfs)}] hidepid=${procfs.hidepid}`, "changed")]),
    ...(holders === undefined || holders.length === 0
      ? []
      : [
          span("  held by ", "dim"),
          span(holders.map(holderText).join(", ")),
          span(holders_omitted === undefined ? "" : ` and ${holders_omitted} more`),
        ]),
    span(`  ${event.id}`, "dim"),
  ];
  if (steps.length === 1 || event.ended === null) return [first];
  return [first, ...steps.map(stepSpans)];
}

function storyMount({ mountpoint, options, id, old_id }: MountState): string {
  const where = mountpoint === null ? "detached" : quoted(mountpoint);
  return `${where} ${options.join(",")} mount ${id ?? old_id}`;
}

function procfsPidNs({ pid_ns }: ProcfsState): string {
  return String(pid_ns);
}

function holderText({ pid, comm }: StoryHolder): string {
  return comm === null ? String(pid) : `${word(comm)}[${pid}]`;
}

function stepSpans({ syscall, args, ret, errno, actor }: StoryStep): readonly Span[] {
  const result = errno ?? (ret === null ? "?" : String(ret));
  return [
    span("- ", "dim"),
    span(`${word(actor.comm)}[${actor.pid}] `, "dim"),
    span(`${syscall}(${entriesText(args)}) = ${result}`),
  ];
}

function entriesText(args: StoryStep["args"]): string {
  return Object.entries(args)
    .map(([name, value]) => `${name}=${argText(name, value)}`)
    .join(", ");
}

function findingLines(event: FindingEvent): readonly (readonly Span[])[] {
  const resolved = event.state === "resolved";
  const first = [
    ...(resolved ? heading("resolved", "good") : heading(event.severity.toUpperCase(), event.severity)),
    span(word(event.rule), "bold"),
    span(` ${neutralise(event.title)}`),
    span("  "),
    ...subjectSpans(event),
    ...(event.count > 1 ? [span(` ×${event.count}`, "dim")] : []),
    ...(event.reason === undefined ? [] : [span(`  (${neutralise(event.reason)})`, "dim")]),
  ];
  if (resolved) return [first];
  return [
    first,
    ...event.evidence.map(({ fact, check }) => [
      span("- ", "dim"),
      span(neutralise(fact)),
      ...(check === undefined ? [] : [span(`   ${neutralise(check)}`, "dim")]),
    ]),
    [span("fix: ", "good"), span(neutralise(event.remediation))],
  ];
}

function subjectSpans({ subject }: FindingEvent): readonly Span[] {
  if (subject.container !== null) return [span(containerName(subject.container), "container")];
  return [span(`${subject.kind} ${word(subject.id)}`, "host")];
}

function lostLine({ reason, count }: LostEvent): readonly Span[] {
  return [...heading("LOST", "high"), span(`${count} events`, "bad"), span(` (${neutralise(reason)})`)];
}

function agentLine({ schema, seq, time, node, type, state, ...details }: AgentEvent): readonly Span[] {
  const text = Object.entries(details)
    .map(([name, value]) => `${word(name)}=${detailText(value)}`)
    .join(" ");
  return [
    ...heading("agent", "info"),
    span(neutralise(state), "bold"),
    span(text === "" ? "" : ` ${text}`, "dim"),
  ];
}

/** Lists are too long for a line: how many there are, and of programs how many are attached. */
function detailText(value: unknown): string {
  if (typeof value === "string") return word(value);
  if (!Array.isArray(value)) return neutralise(JSON.stringify(value) ?? "null");
  const attached = value.filter((item: { readonly attached?: unknown } | null) => item?.attached !== false);
  return attached.length === value.length ? String(value.length) : `${attached.length} of ${value.length}`;
}

/** An event of a type that is newer than this file. */
function otherLine(event: never): readonly Span[] {
  const { type } = event as { readonly type: string };
  return [...heading(word(type), "info"), span(neutralise(JSON.stringify(event)))];
}
