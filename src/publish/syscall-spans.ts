import type { Arg, ContainerRef, NamespaceRef, SyscallEvent, Target } from "../event.js";
import { containerName } from "./container-name.js";
import { neutralise, quoted, word } from "./neutral.js";
import { cutTo, lengthOf, type Span, span } from "./style.js";

/** Arguments are not made shorter than this as long as there is something else to leave out. */
const MIN_ARGUMENTS = 16;

/** Less of a reason than this says nothing. */
const MIN_REASON = 16;

/**
 * A system call for a person, as strace would print it: who, the call, its result, what its descriptor was, what it
 * changed, and why it was refused. With `room`, that many characters are enough for all but the reason: arguments are
 * shortened, then the descriptor is left out, then of each namespace that changed only the link is named.
 */
export function syscallSpans(event: SyscallEvent, room?: number): readonly Span[] {
  const head = [
    span(word(event.process.comm), "bold"),
    span(`[${event.process.pid}]`),
    span(" "),
    ...containerSpans(event.container),
    span(" "),
    span(event.syscall, "bold"),
    span("("),
  ];
  const args = argsText(event);
  const result = [span(")"), ...resultSpans(event), ...summarySpans(event)];
  const target = [...targetSpans(event.target), ...fileSpans(event)];
  const changes = changeSpans(event, true);
  const reason = neutralise(event.reason ?? "");
  if (room === undefined)
    return [...head, span(args), ...result, ...target, ...changes, ...reasonSpans(reason)];

  const short = changeSpans(event, false);
  const tails = [
    [...result, ...target, ...changes],
    [...result, ...changes],
    [...result, ...target, ...short],
    [...result, ...short],
  ];
  const left = (tail: readonly Span[]) => room - widthOf(head) - widthOf(tail);
  const least = Math.min(MIN_ARGUMENTS, lengthOf(args));
  const tail = tails.find((spans) => left(spans) >= least) ?? tails.at(-1)!;
  const shown = cutTo(args, Math.max(left(tail), 1));
  const rest = left(tail) - lengthOf(shown) - 2;
  return [...head, span(shown), ...tail, ...(rest < MIN_REASON ? [] : reasonSpans(cutTo(reason, rest)))];
}

function reasonSpans(reason: string): readonly Span[] {
  return reason === "" ? [] : [span("  "), span(reason, "dim")];
}

function widthOf(spans: readonly Span[]): number {
  return spans.reduce((sum, { text }) => sum + lengthOf(text), 0);
}

/** The container, or a dash for the host. */
export function containerSpans(container: ContainerRef | null): readonly Span[] {
  return container === null ? [span("-", "dim")] : [span(containerName(container), "container")];
}

/** Arguments that hold what the caller wrote; all others are numbers, pointers and the decoder's own names. */
const STRINGS: ReadonlySet<string> = new Set([
  ...["source", "target", "filesystemtype", "data", "fsname", "key", "value"],
  ...["path", "from_path", "to_path", "new_root", "put_old", "pathname"],
]);

function argsText({ args, truncated }: SyscallEvent): string {
  return Object.entries(args)
    .map(([name, value]) => `${name}=${argText(name, value)}${truncated?.includes(name) === true ? "…" : ""}`)
    .join(", ");
}

/** As strace prints them: strings quoted, flags joined by `|`, structures in braces. */
export function argText(name: string, value: Arg): string {
  if (value === null) return "null";
  if (typeof value === "number") return String(value);
  if (typeof value === "string") return STRINGS.has(name) ? quoted(value) : word(value);
  if (Array.isArray(value)) return value.length === 0 ? "0" : value.map(neutralise).join("|");
  const inner = Object.entries(value as { readonly [key: string]: Arg });
  return `{${inner.map(([field, one]) => `${word(field)}=${argText(field, one)}`).join(", ")}}`;
}

function resultSpans({ ret, errno, outcome }: SyscallEvent): readonly Span[] {
  if (ret === null) {
    const why = outcome?.seccomp === undefined ? "never returned" : `seccomp ${outcome.seccomp}`;
    return [span(" = "), span("?", "bad"), span(` ${neutralise(why)}`, "dim")];
  }
  if (ret >= 0) return [span(" = "), span(String(ret), "good")];
  return [span(" = "), span(errno ?? String(ret), "bad")];
}

function summarySpans({ summary }: SyscallEvent): readonly Span[] {
  return summary === undefined ? [] : [span(` ×${summary.count}`, "bold")];
}

function targetSpans(target: Target | undefined): readonly Span[] {
  return target === undefined ? [] : [span("  on ", "dim"), span(targetText(target))];
}

/** What a call opened: its entry in the catalogue, and where it is in its file system. */
function fileSpans({ file, via }: SyscallEvent): readonly Span[] {
  if (file === undefined) return [];
  const { entry, fs_type, path, access, of, foreign_mount, runtime } = file;
  const spans: Span[] = [span("  ")];
  if (entry !== null) spans.push(span(word(entry), "changed"), span(" "));
  if (runtime === true) spans.push(span("runtime-binary", "bad"), span(" "));
  spans.push(span(`${word(fs_type)}:${quoted(path)}`), span(` ${access.join(",") || "path"}`, "dim"));
  if (of !== undefined) {
    const where = of.container === null ? "the host" : containerName(of.container);
    spans.push(span(` of ${of.pid} on ${where}`, of.container === null ? "bad" : "host"));
  }
  if (foreign_mount === true) spans.push(span(" foreign mount", "bad"));
  if (via !== undefined) spans.push(span(` by ${via}`, "dim"));
  return spans;
}

function targetText(target: Target): string {
  switch (target.via) {
    case "nsfs":
      return `${target.type ?? "ns"}:[${target.inum}]`;
    case "pidfd": {
      const comm = target.comm === null ? "" : ` ${word(target.comm)}`;
      const where = target.container === null ? "" : ` in ${containerName(target.container)}`;
      return `pid ${target.pid}${comm}${where}`;
    }
    case "fscontext":
      return `fs context ${word(target.fs_type ?? "?")}`;
    case "mount":
      return `mount ${word(target.fs_type ?? "?")} ${word(target.dev)}`;
    default:
      return `file of ${word(target.fs_type ?? target.magic)}`;
  }
}

/** Each link with the inode numbers before and after; or, where `whole` is false, its name alone. */
function changeSpans({ changed, direction }: SyscallEvent, whole: boolean): readonly Span[] {
  if (changed === undefined) return [];
  if (changed === null) return [span("  from "), span("?", "changed")];
  const spans: Span[] = [];
  for (const [link, { from, to }] of Object.entries(changed)) {
    if (!whole) spans.push(span(spans.length === 0 ? "  " : " "), span(link, "changed"));
    else {
      spans.push(span("  "), span(link, "dim"), span(" "));
      spans.push(span(`${inumOf(from)} → ${inumOf(to)}`, "changed"));
    }
  }
  if (spans.length > 0 && direction !== undefined && direction !== "unknown") {
    spans.push(span("  "), span(direction, direction.endsWith("-host") ? "bad" : "host"));
  }
  return spans;
}

function inumOf(ref: NamespaceRef | null): string {
  return ref === null ? "?" : String(ref.inum);
}
