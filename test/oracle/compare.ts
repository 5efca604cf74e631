import { constants } from "node:os";
import type { Arg, SyscallEvent } from "../../src/event.js";
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
export function compare(
  calls: readonly ExpectedCall[],
  events: readonly SyscallEvent[],
  abi: string,
): Comparison {
  const result = {
    matched: 0,
    missed: [] as ExpectedCall[],
    extra: [] as SyscallEvent[],
    different: [] as Difference[],
  };
  for (const tid of new Set([
    ...calls.map((call) => call.tid),
    ...events.map((event) => event.process.tid),
  ])) {
    const pairs = align(
      calls.filter((call) => call.tid === tid),
      events.filter((event) => event.process.tid === tid),
      abi,
    );
    for (const [call, event, reasons] of pairs) {
      if (event === null) result.missed.push(call!);
      else if (call === null) result.extra.push(event);
      else if (reasons.length > 0) result.different.push({ call, event, reasons });
      else result.matched += 1;
    }
  }
  return result;
}

/** A text for a person: nothing where all matched. */
export function describeComparison({ missed, extra, different }: Comparison): string {
  const lines = different.flatMap(({ call, reasons }) => [
    `different: ${call.tid} ${readable(call.text)}`,
    ...reasons.map((reason) => `    ${reason}`),
  ]);
  for (const call of missed) lines.push(`missed:    ${call.tid} ${readable(call.text)}`);
  for (const event of extra) {
    const { syscall, args, ret, errno } = event;
    lines.push(`extra:     ${event.process.tid} ${syscall}(${JSON.stringify(args)}) = ${ret} ${errno ?? ""}`);
  }
  return lines.join("\n");
}

type Pair = readonly [call: ExpectedCall | null, event: SyscallEvent | null, reasons: readonly string[]];

/** The cheapest alignment of two sequences: a call left alone costs 1, a pair that differs costs 1. */
function align(calls: readonly ExpectedCall[], events: readonly SyscallEvent[], abi: string): Pair[] {
  const reasons = calls.map((call) => events.map((event) => differences(call, event, abi)));
  const width = events.length + 1;
  const cost = new Array<number>((calls.length + 1) * width).fill(0);
  const pairCost = (i: number, j: number): number => {
    if (calls[i]!.syscall !== events[j]!.syscall) return 2;
    return reasons[i]![j]!.length === 0 ? 0 : 1;
  };
  for (let i = calls.length; i >= 0; i--) {
    for (let j = events.length; j >= 0; j--) {
      if (i === calls.length || j === events.length)
        cost[i * width + j] = calls.length - i + events.length - j;
      else {
        const alone = 1 + Math.min(cost[(i + 1) * width + j]!, cost[i * width + j + 1]!);
        cost[i * width + j] = Math.min(pairCost(i, j) + cost[(i + 1) * width + j + 1]!, alone);
      }
    }
  }
  const pairs: Pair[] = [];
  let [i, j] = [0, 0];
  while (i < calls.length || j < events.length) {
    const here = cost[i * width + j]!;
    if (i < calls.length && j < events.length && here === pairCost(i, j) + cost[(i + 1) * width + j + 1]!) {
      pairs.push([calls[i]!, events[j]!, reasons[i]![j]!]);
      i += 1;
      j += 1;
    } else if (i < calls.length && here === 1 + cost[(i + 1) * width + j]!)
      pairs.push([calls[i++]!, null, []]);
    else pairs.push([null, events[j++]!, []]);
  }
  return pairs;
}

function differences(call: ExpectedCall, event: SyscallEvent, abi: string): string[] {
  const found: string[] = [];
  const note = (what: string, want: unknown, got: unknown): void => {
    found.push(`${what}: expected ${show(want)}, got ${show(got)}`);
  };
  if (event.syscall !== call.syscall) note("syscall", call.syscall, event.syscall);
  if (event.abi !== abi) note("abi", abi, event.abi);
  const ret = call.errno === null ? call.ret : -BigInt(errnoNumber(call.errno));
  if (ret === null ? event.ret !== null : event.ret === null || BigInt(event.ret) !== ret)
    note("ret", ret, event.ret);
  if ((event.errno ?? null) !== call.errno) note("errno", call.errno, event.errno);
  const names = [...call.args.keys()];
  if (names.join() !== Object.keys(event.args).join()) note("names of args", names, Object.keys(event.args));
  for (const [name, want] of call.args) {
    const got = event.args[name];
    if (want !== undefined && got !== undefined && !agrees(want, got, name, call, event))
      note(name, plain(want), got);
  }
  return found;
}

function errnoNumber(name: string): number {
  return (constants.errno as Readonly<Record<string, number>>)[name] ?? Number.NaN;
}

function agrees(want: Expected, got: Arg, name: string, call: ExpectedCall, event: SyscallEvent): boolean {
  switch (want.kind) {
    case "exact":
      return got === want.value && event.unreadable?.[name] === undefined;
    case "set":
      return Array.isArray(got) && got.toSorted().join() === [...want.names].toSorted().join();
    case "bytes":
      return agreesInBytes(want, got, name, event);
    case "fields": {
      if (got === null || typeof got !== "object") return false;
      const fields = got as Readonly<Record<string, Arg>>;
      return [...want.fields].every(([key, field]) =>
        agrees(field, fields[key] ?? null, `${name}.${key}`, call, event),
      );
    }
    case "address":
      if (got === (want.value === 0n ? null : `0x${want.value.toString(16)}`)) return true;
      if (want.value === 0n && got === "0x0") return true;
      if (got === null) return event.unreadable?.[name] === "EFAULT";
      // strace does not look at what the kernel will not look at either; Keyhole may have read it.
      return call.errno !== "EFAULT";
  }
}

function agreesInBytes(
  want: Expected & { kind: "bytes" },
  got: Arg,
  name: string,
  event: SyscallEvent,
): boolean {
  const bytes = exactBytes(got, event.raw?.[`args.${name}`]);
  if (bytes === null) return false;
  // Both may show the beginning of a long string only; a cut one says so.
  const cut = event.truncated?.includes(name) ?? false;
  const shown = Math.min(
    want.cut ? want.bytes.length : Number.POSITIVE_INFINITY,
    cut ? bytes.length : Number.POSITIVE_INFINITY,
  );
  if (cut && bytes.length < SHORTEST_CUT) return false;
  return shown === Number.POSITIVE_INFINITY
    ? bytes.equals(want.bytes)
    : bytes.subarray(0, shown).equals(want.bytes.subarray(0, shown));
}

/** No string is cut before the kernel itself would refuse its length: strndup_user(…, 256) in fs/fsopen.c. */
const SHORTEST_CUT = 255;

/** `raw` when given; a string without it was valid UTF-8. */
function exactBytes(got: Arg, raw: string | undefined): Buffer | null {
  if (raw !== undefined) return Buffer.from(raw, "base64");
  if (typeof got === "string") return Buffer.from(got, "utf8");
  if (got === null || typeof got !== "object" || Array.isArray(got)) return null;
  const { base64 } = got as Readonly<Record<string, Arg>>;
  return typeof base64 === "string" ? Buffer.from(base64, "base64") : null;
}

/** strace's line with its hexadecimal strings readable again. */
function readable(text: string): string {
  return text.replace(/"(?:\\x[0-9a-f]{2})+"/g, (quoted) => {
    const bytes = Buffer.from(quoted.replace(/[^0-9a-f]/g, "").toString(), "hex");
    return JSON.stringify(bytes.toString("utf8"));
  });
}

/** An expectation as the event would say it. */
function plain(want: Expected): unknown {
  switch (want.kind) {
    case "exact":
      return want.value;
    case "set":
      return want.names;
    case "bytes":
      return want.bytes.toString("utf8");
    case "address":
      return `0x${want.value.toString(16)}`;
    case "fields":
      return Object.fromEntries([...want.fields].map(([key, field]) => [key, plain(field)]));
  }
}

function show(value: unknown): string {
  return JSON.stringify(value, (_key, item: unknown) => (typeof item === "bigint" ? String(item) : item));
}
