import type { Arg, KeyholeEvent, SyscallEvent, Target } from "../event.js";

/**
 * Texts of objects that stand in one event after another, as long as a process stays who and where it is: they are most
 * of an event's, and are made once for each object.
 */
const texts = new WeakMap<object, string>();

let node = { name: "", text: '""' };

/** One event as a line of JSON, without the line feed: what JSON.stringify() gives, but for the order of members. */
export function serialise(event: KeyholeEvent): string {
  return event.type === "syscall" ? syscallText(event) : JSON.stringify(event);
}

/**
 * Member by member, which costs a third of JSON.stringify(). What is written without a look are names from fixed tables,
 * numbers and times. A member that is missing here is an error of the compiler, see {@link Unwritten}.
 */
function syscallText(event: SyscallEvent): string {
  if (node.name !== event.node) node = { name: event.node, text: JSON.stringify(event.node) };
  return (
    `{"schema":${event.schema},"seq":${event.seq},"time":"${event.time}","node":${node.text},"type":"syscall",` +
    `"syscall":"${event.syscall}","abi":"${event.abi}","duration_ns":${event.duration_ns},` +
    `"args":${argText(event.args)},"strings":"${event.strings}"` +
    (event.mm_shared === undefined ? "" : `,"mm_shared":true`) +
    member("resolved", event.resolved) +
    member("truncated", event.truncated) +
    member("unreadable", event.unreadable) +
    member("raw", event.raw) +
    member("options", event.options) +
    `,"ret":${event.ret}` +
    (event.errno === undefined ? "" : `,"errno":"${event.errno}"`) +
    member("reason", event.reason) +
    `,"process":${sharedText(event.process)},"container":${event.container === null ? null : sharedText(event.container)}` +
    `,"namespaces":${sharedText(event.namespaces)}` +
    (event.changed === undefined ? "" : `,"changed":${changedText(event.changed)}`) +
    (event.target === undefined ? "" : `,"target":${targetText(event.target)}`) +
    (event.direction === undefined ? "" : `,"direction":"${event.direction}"`) +
    member("outcome", event.outcome) +
    member("file", event.file) +
    member("via", event.via) +
    member("summary", event.summary) +
    "}"
  );
}

type Written =
  | ("schema" | "seq" | "time" | "node" | "type" | "syscall" | "abi" | "duration_ns" | "args" | "strings")
  | ("mm_shared" | "resolved" | "truncated" | "unreadable" | "raw" | "options" | "ret" | "errno" | "reason")
  | (
      | "process"
      | "container"
      | "namespaces"
      | "changed"
      | "target"
      | "direction"
      | "outcome"
      | "file"
      | "via"
      | "summary"
    );

type Nothing<T extends never> = T;
/** What syscallText() would leave out. */
export type Unwritten = Nothing<Exclude<keyof SyscallEvent, Written>>;

function member(name: string, value: unknown): string {
  return value === undefined ? "" : `,"${name}":${JSON.stringify(value)}`;
}

function changedText(changed: SyscallEvent["changed"]): string {
  if (changed === null || changed === undefined) return "null";
  let text = "";
  for (const link in changed) {
    const { from, to } = changed[link as keyof typeof changed]!;
    text += `${text === "" ? "{" : ","}"${link}":{"from":${from === null ? null : sharedText(from)},"to":${sharedText(to)}}`;
  }
  return text === "" ? "{}" : `${text}}`;
}

/** Most are namespaces, of which there is nothing to escape. */
function targetText(target: Target): string {
  if (target.via !== "nsfs") return JSON.stringify(target);
  const { type, inum, id } = target;
  return `{"via":"nsfs","type":${type === null ? null : `"${type}"`},"inum":${inum},"id":${id === null ? null : `"${id}"`}}`;
}

/** Lists are of flags, whose names need no escape. */
function argText(value: Arg): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value !== "object" || value === null) return String(value);
  if (Array.isArray(value)) return value.length === 0 ? "[]" : `["${value.join('","')}"]`;
  let text = "";
  for (const name in value) {
    text += `${text === "" ? "{" : ","}"${name}":${argText((value as { readonly [key: string]: Arg })[name]!)}`;
  }
  return text === "" ? "{}" : `${text}}`;
}

function sharedText(value: object): string {
  let text = texts.get(value);
  if (text === undefined) {
    text = JSON.stringify(value);
    texts.set(value, text);
  }
  return text;
}
