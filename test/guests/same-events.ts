import type { SyscallEvent } from "../../src/event.js";
import type { Case, Observed } from "./results.js";

/** Members that are of one run: when something was, and whether another thread had quite ended by then. */
const OF_RUN: ReadonlySet<string> = new Set(["seq", "time", "mm_shared"]);
/** Members in which the modes differ by what they are; each is checked by itself. */
const OF_MODE: ReadonlySet<string> = new Set(["duration_ns", "strings"]);
/** Members that hold numbers of the kernel: each value must always stand for the same one of the other run. */
const NUMBERS: Readonly<Record<string, string>> = {
  ...{ pid: "pid", tid: "pid", ppid: "pid", start: "start", ns_pid: "pid" },
  ...{ inum: "inum", pid_ns: "inum", user_ns: "inum", id: "id", mnt_id: "id", parent_id: "id", parent: "id" },
  ...{ dev: "dev", mount_id: "id", peer_group: "id", old_id: "id", unique_id: "id", ns_id: "id", ns: "inum" },
};
/** Of these a number that is free is given out again, so that only within one event it stands for one thing. */
const RECYCLED: ReadonlySet<string> = new Set(["inum", "dev", "id"]);
/** Addresses, which the kernel chooses anew for each process. */
const ADDRESS = /^0x[0-9a-f]{6,}$/;

type Json = unknown;

/** The calls of each case, by what it is called. */
export function callsByCase({ events, cases }: Observed): Map<string, SyscallEvent[]> {
  const byCase = new Map<string, SyscallEvent[]>();
  const waiting = [...cases];
  let current: SyscallEvent[] = [];
  for (const event of events) {
    if (event.type !== "syscall") continue;
    const mark = waiting.findIndex((one) => isMark(event, one));
    if (mark !== -1) {
      byCase.set(waiting[mark]!.name, current);
      waiting.splice(0, mark + 1);
    }
    if (mark !== -1 || isAnyMark(event)) current = [];
    else current.push(event);
  }
  return byCase;
}

/** The setns(2) of mark.c. */
export function isAnyMark({ syscall, args }: SyscallEvent): boolean {
  return syscall === "setns" && typeof args.fd === "number" && args.fd <= -998;
}

function isMark(event: SyscallEvent, { mark }: Case): boolean {
  return isAnyMark(event) && event.args.fd === mark;
}

/** How many calls each of two runs may lack, because the kernel skipped its programs that often. */
export interface Allowance {
  first: number;
  second: number;
}

/**
 * How the calls that two attach modes told of one case differ, a line each. Threads are compared one by one, each with the
 * one that made the same calls; numbers of the kernel may differ if each always stands for the same other one. What a run
 * lacks is taken from its allowance.
 */
export function describeDifferences(
  one: readonly SyscallEvent[],
  other: readonly SyscallEvent[],
  allowance: Allowance = { first: 0, second: 0 },
): string[] {
  const wrong: string[] = [];
  const comparison = new Comparison(wrong);
  const left = threads(other);
  const alone: SyscallEvent[][] = [];
  for (const calls of threads(one)) {
    const index = left.findIndex((candidate) => shape(candidate) === shape(calls));
    if (index === -1) {
      alone.push(calls);
      continue;
    }
    const [partner] = left.splice(index, 1);
    comparison.compareThreads(calls.map((call, at) => [call, partner![at]!]));
  }
  for (const calls of alone) {
    const best = left
      .map((candidate) => ({ candidate, pairs: align(calls, candidate) }))
      .sort((a, b) => b.pairs.length - a.pairs.length)[0];
    const pairs = best?.pairs ?? [];
    const lacking = {
      first: (best?.candidate.length ?? 0) - pairs.length,
      second: calls.length - pairs.length,
    };
    if (lacking.first > allowance.first || lacking.second > allowance.second) {
      wrong.push(`only in the first: ${shape(calls)}`);
      continue;
    }
    allowance.first -= lacking.first;
    allowance.second -= lacking.second;
    if (best !== undefined) left.splice(left.indexOf(best.candidate), 1);
    comparison.compareThreads(pairs);
  }
  for (const calls of left) {
    if (calls.length <= allowance.first) allowance.first -= calls.length;
    else wrong.push(`only in the second: ${shape(calls)}`);
  }
  return wrong;
}

/** What a pair counts for whose arguments are alike too: less than one pair more, however many calls there are. */
const ALIKE = 1e-6;

/** The longest sequence of calls that both made alike; of several the one with the most whose arguments are alike too. */
function align(
  one: readonly SyscallEvent[],
  other: readonly SyscallEvent[],
): (readonly [SyscallEvent, SyscallEvent])[] {
  const [words, others] = [one.map(wordsOf), other.map(wordsOf)];
  const worth = (a: number, b: number) => 1 + (words[a] === others[b] ? ALIKE : 0);
  const lengths = one.map(() => new Array<number>(other.length + 1).fill(0));
  lengths.push(new Array<number>(other.length + 1).fill(0));
  const same = (a: number, b: number) => shape([one[a]!]) === shape([other[b]!]);
  for (let a = one.length - 1; a >= 0; a--) {
    for (let b = other.length - 1; b >= 0; b--) {
      const skipped = Math.max(lengths[a + 1]![b]!, lengths[a]![b + 1]!);
      lengths[a]![b] = same(a, b) ? Math.max(lengths[a + 1]![b + 1]! + worth(a, b), skipped) : skipped;
    }
  }
  const pairs: (readonly [SyscallEvent, SyscallEvent])[] = [];
  for (let a = 0, b = 0; a < one.length && b < other.length; ) {
    if (same(a, b) && lengths[a]![b] === lengths[a + 1]![b + 1]! + worth(a, b))
      pairs.push([one[a++]!, other[b++]!]);
    else if (lengths[a + 1]![b]! >= lengths[a]![b + 1]!) a++;
    else b++;
  }
  return pairs;
}

/** What is said of a call in words, without the numbers that another run has others for. */
function wordsOf({ args, reason, target }: SyscallEvent): string {
  return JSON.stringify([args, reason, target?.via], (_name, value) =>
    typeof value === "number" ? Math.sign(value) : value,
  );
}

/** The calls of each thread, threads in the order of their first call. */
function threads(events: readonly SyscallEvent[]): SyscallEvent[][] {
  const byTid = new Map<number, SyscallEvent[]>();
  for (const event of events) {
    const { tid } = event.process;
    byTid.set(tid, [...(byTid.get(tid) ?? []), event]);
  }
  return [...byTid.values()];
}

/** What its calls were and how they ended. */
function shape(calls: readonly SyscallEvent[]): string {
  return calls
    .map(
      ({ syscall, abi, ret, errno }) => `${abi} ${syscall} ${errno ?? (isPid(syscall, ret) ? "PID" : ret)}`,
    )
    .join(", ");
}

function isPid(syscall: string, ret: number | null): boolean {
  return syscall.startsWith("clone") && ret !== null;
}

class Comparison {
  readonly #wrong: string[];
  /** By kind of number: which of the other run each stands for. */
  readonly #partners = new Map<string, Map<Json, Json>>();

  constructor(wrong: string[]) {
    this.#wrong = wrong;
  }

  compareThreads(pairs: readonly (readonly [SyscallEvent, SyscallEvent])[]): void {
    for (const [one, other] of pairs) {
      for (const kind of RECYCLED) this.#partners.delete(kind);
      this.compare(one.syscall, one, other);
    }
  }

  compare(where: string, one: Json, other: Json, key = ""): void {
    if (isObject(one) && isObject(other)) {
      for (const name of new Set([...Object.keys(one), ...Object.keys(other)])) {
        if (OF_RUN.has(name) || OF_MODE.has(name)) continue;
        if (name === "ret" && isPid(String(one.syscall), Number(one.ret))) {
          this.compare(`${where}.ret`, one.ret, other.ret, "pid");
          continue;
        }
        this.compare(`${where}.${name}`, one[name], other[name], Array.isArray(one) ? key : name);
      }
      return;
    }
    if (one === other || this.#arePartners(key, one, other)) return;
    this.#wrong.push(`${where}: ${JSON.stringify(one)} and ${JSON.stringify(other)}`);
  }

  #arePartners(key: string, one: Json, other: Json): boolean {
    const areAddresses = ADDRESS.test(String(one)) && ADDRESS.test(String(other));
    const kind = areAddresses ? "address" : NUMBERS[key];
    if (kind === undefined || one === undefined || other === undefined) return false;
    const partners = this.#partners.get(kind) ?? new Map<Json, Json>();
    this.#partners.set(kind, partners);
    if (!partners.has(one)) partners.set(one, other);
    return partners.get(one) === other;
  }
}

function isObject(value: Json): value is Record<string, Json> {
  return typeof value === "object" && value !== null;
}
