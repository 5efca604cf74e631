import { constants } from "node:os";
import type { SyscallEvent } from "../../src/event.js";
import { agrees } from "./agreement.js";
import { align, type Costs } from "./align.js";
import type { Expected, ExpectedCall } from "./shapes.js";

export interface Difference {
  readonly call: ExpectedCall;
  readonly event: SyscallEvent;
  /** One line each: what was expected and what the event says. */
  readonly reasons: readonly string[];
}

export interface Comparison {
  readonly matched: number;
  /** Seen by strace alone. */
  readonly missed: readonly ExpectedCall[];
  /** Published by Keyhole alone. */
  readonly extra: readonly SyscallEvent[];
  readonly different: readonly Difference[];
}

/**
 * Compares what strace saw with what Keyhole published about the same threads, in the order of each thread.
 * Where they part, calls are paired so that the fewest are missed, extra or different.
 */
export function compare(calls: readonly ExpectedCall[], events: readonly SyscallEvent[]): Comparison {
  const result = {
    matched: 0,
    missed: [] as ExpectedCall[],
    extra: [] as SyscallEvent[],
    different: [] as Difference[],
  };
  const byThread = groupBy(calls, ({ tid }) => tid);
  const eventsByThread = groupBy(events, ({ process }) => process.tid);
  for (const tid of new Set([...byThread.keys(), ...eventsByThread.keys()])) {
    for (const [call, event] of align(byThread.get(tid) ?? [], eventsByThread.get(tid) ?? [], COSTS)) {
      if (event === null) {
        if (!call.optional) result.missed.push(call);
      } else if (call === null) result.extra.push(event);
      else {
        const reasons = differences(call, event);
        if (reasons.length > 0) result.different.push({ call, event, reasons });
        else result.matched += 1;
      }
    }
  }
  return result;
}

function groupBy<T>(items: readonly T[], key: (item: T) => number): Map<number, T[]> {
  const groups = new Map<number, T[]>();
  for (const item of items) {
    const group = groups.get(key(item));
    if (group === undefined) groups.set(key(item), [item]);
    else group.push(item);
  }
  return groups;
}

const COSTS: Costs<ExpectedCall, SyscallEvent> = {
  pair: (call, event) => {
    if (call.syscall !== event.syscall) return 2;
    return differences(call, event).length === 0 ? 0 : 1;
  },
  alone: ({ optional }) => (optional ? 0 : 1),
};

/** A text for a person: nothing where all matched. */
export function describeComparison({ missed, extra, different }: Comparison): string {
  const lines = different.flatMap(({ call, reasons }) => [
    `different: ${call.tid} ${readable(call.text)}`,
    ...reasons.map((reason) => `    ${reason}`),
  ]);
  for (const call of missed) lines.push(`missed:    ${call.tid} ${readable(call.text)}`);
  for (const event of extra) {
    const { syscall, args, ret, errno } = event;
    lines.push(`extra:     ${event.process.tid} ${syscall}(${show(args)}) = ${ret} ${errno ?? ""}`);
  }
  return lines.join("\n");
}

function differences(call: ExpectedCall, event: SyscallEvent): string[] {
  const found: string[] = [];
  const note = (what: string, want: unknown, got: unknown): void => {
    found.push(`${what}: expected ${show(want)}, got ${show(got)}`);
  };
  if (event.syscall !== call.syscall) note("syscall", call.syscall, event.syscall);
  if (event.abi !== call.abi) note("abi", call.abi, event.abi);
  const { ret, errno, restarted, seccomp } = expectedResult(call, event);
  if (ret === null ? event.ret !== null : event.ret === null || BigInt(event.ret) !== ret)
    note("ret", ret, event.ret);
  if ((event.errno ?? null) !== errno) note("errno", errno, event.errno);
  if ((event.outcome?.restarted ?? null) !== restarted)
    note("outcome.restarted", restarted, event.outcome?.restarted);
  if ((event.outcome?.seccomp !== undefined) !== seccomp) note("seccomp", seccomp, event.outcome?.seccomp);
  const names = [...call.args.keys()];
  if (names.join() !== Object.keys(event.args).join()) note("names of args", names, Object.keys(event.args));
  for (const [name, want] of call.args) {
    const got = event.args[name];
    // a thread that seccomp killed has left its memory when it can be told
    if (got === null && call.ending.kind === "killed" && event.outcome?.seccomp && event.unreadable?.[name])
      continue;
    if (want !== undefined && got !== undefined && !agrees(want, got, name, event))
      note(name, plain(want), got);
  }
  return found;
}

function expectedResult({ ending }: ExpectedCall, event: SyscallEvent) {
  const none = { ret: null, errno: null, restarted: null, seccomp: false };
  switch (ending.kind) {
    case "returned":
      if (ending.errno === null) return { ...none, ret: ending.ret };
      return { ...none, ret: -errnoNumber(ending.errno), errno: ending.errno };
    case "interrupted":
      return { ...none, restarted: ending.code };
    case "seccomp":
      return { ...none, seccomp: true };
    case "killed":
      return { ...none, seccomp: ending.sigsys && event.outcome?.seccomp !== undefined };
  }
}

/** By name; the first ones are not among Node's. */
const ERRNOS: ReadonlyMap<string, number> = new Map([
  ...Object.entries({ ENOTBLK: 15, EUSERS: 87, EUCLEAN: 117 }),
  ...Object.entries(constants.errno),
]);

function errnoNumber(name: string): bigint {
  return BigInt(ERRNOS.get(name) ?? 0);
}

/** strace's line with its hexadecimal strings readable again. */
function readable(text: string): string {
  return text.replace(/"(?:\\x[0-9a-f]{2})+"/g, (quoted) => {
    const bytes = Buffer.from(quoted.replace(/[^0-9a-f]/g, "").toString(), "hex");
    return show(bytes.toString("utf8"));
  });
}

/** An expectation as the event would say it. */
function plain(want: Expected): unknown {
  switch (want.kind) {
    case "exact":
      return want.value;
    case "u64":
      return String(want.value);
    case "set":
      return want.names;
    case "bytes":
      return want.bytes.toString("utf8");
    case "address":
    case "ignored":
      return `0x${want.value.toString(16)}`;
    case "fields":
      return Object.fromEntries([...want.fields].map(([key, field]) => [key, plain(field)]));
  }
}

/** What a line of a report has room for. */
const LONGEST = 400;

/** As JSON that a terminal can be given: what comes from a traced process may be hostile, and long. */
function show(value: unknown): string {
  const json = JSON.stringify(value, (_key, item: unknown) =>
    typeof item === "bigint" ? String(item) : item,
  );
  const text = (json ?? "nothing").replace(/[^ -~]/gu, (one) => `\\u{${one.codePointAt(0)!.toString(16)}}`);
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}... (${text.length} characters)` : text;
}
