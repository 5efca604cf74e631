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
  return syscall === "setns" && typeof args.fd === "number" && args.fd <= -999;
}

function isMark(event: SyscallEvent, { mark }: Case): boolean {
  return isAnyMark(event) && event.args.fd === mark;
}

/**
 * How the calls that two attach modes told of one case differ, a line each. Threads are compared one by one, each with the
 * one that made the same calls; numbers of the kernel may differ if each always stands for the same other one.
 */
export function describeDifferences(one: readonly SyscallEvent[], other: readonly SyscallEvent[]): string[] {
  const wrong: string[] = [];
  const comparison = new Comparison(wrong);
  const left = threads(other);
  for (const calls of threads(one)) {
    const index = left.findIndex((candidate) => shape(candidate) === shape(calls));
    if (index === -1) {
      wrong.push(`only in the first: ${shape(calls)}`);
      continue;
    }
    const [partner] = left.splice(index, 1);
    calls.forEach((call, at) => {
      comparison.compareCalls(call, partner![at]!);
    });
  }
  for (const calls of left) wrong.push(`only in the second: ${shape(calls)}`);
  return wrong;
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

  compareCalls(one: SyscallEvent, other: SyscallEvent): void {
    for (const kind of RECYCLED) this.#partners.delete(kind);
    this.compare(one.syscall, one, other);
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
