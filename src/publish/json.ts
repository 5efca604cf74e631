import type { KeyholeEvent, SyscallEvent } from "../event.js";

/**
 * Members whose objects stand in one event after another, as long as a process stays who and where it is. Their
 * text is most of an event's, and is made once for each object.
 */
const SHARED: ReadonlySet<string> = new Set(["process", "container", "namespaces"]);

const texts = new WeakMap<object, string>();

/** Members whose values are names from fixed tables, or times: no character of them needs an escape. */
const PLAIN: ReadonlySet<string> = new Set([
  "time",
  "type",
  "syscall",
  "abi",
  "strings",
  "errno",
  "direction",
]);

/** One event as a line of JSON, without the line feed: what JSON.stringify() gives. */
export function serialise(event: KeyholeEvent): string {
  if (event.type !== "syscall") return JSON.stringify(event);
  let text = "";
  for (const key in event) {
    const value: unknown = event[key as keyof SyscallEvent];
    if (value === undefined) continue;
    text += text === "" ? `{"${key}":` : `,"${key}":`;
    if (typeof value === "number" || value === null) text += value;
    else if (typeof value === "string" && PLAIN.has(key)) text += `"${value}"`;
    else if (typeof value === "object" && SHARED.has(key)) text += sharedText(value);
    else text += JSON.stringify(value);
  }
  return `${text}}`;
}

function sharedText(value: object): string {
  let text = texts.get(value);
  if (text === undefined) {
    text = JSON.stringify(value);
    texts.set(value, text);
  }
  return text;
}
