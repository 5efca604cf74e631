/** The attach mode `fentry`: programs of bpf/fentry.bpf.c at the functions that are the calls of the list. */
import { readFileSync } from "node:fs";
import { type BpfLink, type BpfObject, LibbpfError } from "@keyhole/libbpf";
import { btfNames } from "../kernel/btf-names.js";
import { trampolineRefusal } from "../kernel/trampolines.js";
import { callTable, OPEN_CALLS } from "./calls.js";
import { type CallFunction, callFunctions, isInKernel, tableOf } from "./functions.js";
import { type LoadedObject, lastLines, loadObject } from "./object.js";
import { attachProgram, attachPrograms, type ProgramReport, reportOf } from "./programs.js";

/** Why a kernel does not take this mode. */
export interface Refusal {
  readonly errno: string | null;
  readonly detail: string;
}

export interface FentryPrograms {
  readonly loaded: LoadedObject;
  readonly links: Map<string, BpfLink>;
  readonly reports: readonly ProgramReport[];
  /** Functions with a program at their return. */
  readonly functions: number;
  /** Calls that this kernel has and that are seen at the return of every call instead. */
  readonly others: readonly CallFunction[];
  /** Calls of the list that this kernel does not have. */
  readonly unknown: readonly string[];
}

/** Attached where a call has no program of its own. */
const FALLBACK = "call_returned";
/** A kernel has a function for one of them. Without it the mode does not tell what a filter of seccomp refused. */
const SECCOMP: ReadonlySet<string> = new Set(["seccomp_refused", "seccomp_forbade"]);
/** Where files get their descriptors. */
const OPENS: ReadonlySet<string> = new Set(["file_opened", "fixed_file_opened"]);
/** Attempts to attach, each without what could not be attached before. */
const ATTEMPTS = 3;

/**
 * Loads and attaches. `prepare` sets what both modes have in common. Returns why it cannot be done where the kernel
 * refuses programs of trampolines, or what is essential; a call whose function has no program falls back to the return
 * of every call, alone.
 */
export function startFentry(prepare: (object: BpfObject) => void, opens: boolean): FentryPrograms | Refusal {
  const errno = trampolineRefusal();
  if (errno !== null) return { errno, detail: "the kernel refuses programs of this kind" };
  const without = new Set<string>();
  for (let attempt = 1; ; attempt++) {
    const result = tryFentry(prepare, without, opens);
    if (!("failed" in result)) return result;
    for (const suffix of result.failed) without.add(suffix);
    if (attempt === ATTEMPTS) return { errno: null, detail: `${[...without].join(", ")} cannot be attached` };
  }
}

function tryFentry(
  prepare: (object: BpfObject) => void,
  without: ReadonlySet<string>,
  opens: boolean,
): FentryPrograms | Refusal | { readonly failed: readonly string[] } {
  const found: { plan?: Plan } = {};
  let loaded: LoadedObject;
  try {
    loaded = loadObject("fentry", (object) => {
      found.plan ??= planFor(object, without, opens);
      const { plan } = found;
      for (const program of object.programs) program.setAutoload(plan.wanted.has(program.name));
      object.setGlobal("other_calls", bytesOf(tableOf(plan.others)));
      if (opens) object.setGlobal("open_calls", bytesOf(callTable(process.arch, OPEN_CALLS)));
      prepare(object);
      object.setGlobal("calls", bytesOf(tableOf(plan.own)));
    });
  } catch (error) {
    if (!(error instanceof LibbpfError)) throw error;
    return { errno: error.errno, detail: lastLines(error) };
  }
  const { wanted, own, others, unknown } = found.plan!;
  const failed = loaded.failures.map(({ program }) => program);
  const links = new Map<string, BpfLink>();
  const giveUp = <T>(result: T): T => {
    for (const link of links.values()) link.detach();
    loaded.object.close();
    return result;
  };
  const essential = loaded.failures.find(({ program }) => SECCOMP.has(program));
  if (essential !== undefined) return giveUp(essential);
  if (failed.some((program) => program.startsWith("leave_"))) return giveUp({ failed: failed.map(suffixOf) });
  const { reports, unentered } = attachCalls(loaded, own, links);
  const missing = reports.filter(({ attached }) => !attached);
  if (missing.length > 0) {
    const first = missing[0]!;
    // the first one that is tried fails where nothing can be attached
    if (missing.length === reports.length) return giveUp({ errno: first.errno, detail: first.detail });
    return giveUp({ failed: missing.map(({ program }) => suffixOf(program)) });
  }
  const rest = attachPrograms(loaded, links, ({ name }) => wanted.has(name) && !isOfCall(name));
  const seccomp = rest.find(({ program }) => SECCOMP.has(program));
  if (seccomp?.attached === false) return giveUp({ errno: seccomp.errno, detail: seccomp.detail });
  if (seccomp === undefined && hasSeccomp()) {
    return giveUp({
      errno: null,
      detail: "it is not known in which function this kernel refuses calls for seccomp",
    });
  }
  return {
    loaded,
    links,
    reports: [summary(reports.length, others, unentered), ...rest],
    functions: reports.length,
    others,
    unknown,
  };
}

interface Plan {
  /** Programs to load. */
  readonly wanted: ReadonlySet<string>;
  readonly own: readonly CallFunction[];
  readonly others: readonly CallFunction[];
  readonly unknown: readonly string[];
}

/** Which programs have a function in this kernel, and which calls have none. */
function planFor(object: BpfObject, without: ReadonlySet<string>, opens: boolean): Plan {
  const targets = new Map(
    object.programs
      .filter(({ section }) => /^(fentry|fexit)\//.test(section))
      .map(({ name, section }) => [name, section.slice(section.indexOf("/") + 1)] as const),
  );
  const known = btfNames(new Set(targets.values()));
  const hasProgram = ({ suffix }: CallFunction): boolean =>
    !without.has(suffix) && known.has(targets.get(`leave_${suffix}`) ?? "");
  const all = callFunctions();
  const own = all.filter(hasProgram);
  const hasCompat = own.some(({ abi }) => abi === "compat");
  const rest = all.filter((one) => !hasProgram(one) && (one.abi === "native" || hasCompat));
  const others = rest.filter(({ call, suffix }) => without.has(suffix) || isInKernel(call));
  const unknown = [...new Set(rest.filter((one) => !others.includes(one)).map(({ call }) => call))];
  const wanted = object.programs
    .map(({ name }) => name)
    .filter((name) => {
      if (name === FALLBACK) return others.length > 0;
      if (OPENS.has(name) && !opens) return false;
      const target = targets.get(name);
      return target === undefined || (known.has(target) && !(isOfCall(name) && without.has(suffixOf(name))));
    });
  return { wanted: new Set(wanted), own, others, unknown };
}

/** The pairs of `own`, the return of each function first: a call that was not seen to be entered is still told. */
function attachCalls(
  { object, failures }: LoadedObject,
  own: readonly CallFunction[],
  links: Map<string, BpfLink>,
): { readonly reports: readonly ProgramReport[]; readonly unentered: readonly string[] } {
  const suffixes = [...new Set(own.map(({ suffix }) => suffix))];
  const reports: ProgramReport[] = [];
  for (const suffix of suffixes) {
    const name = `leave_${suffix}`;
    reports.push(reportOf(name, attachProgram(object.program(name), links)));
    // where nothing can be attached, trying each of them takes its time
    if (reports.length === 1 && !reports[0]!.attached) break;
  }
  const unentered = suffixes.filter((suffix) => {
    const name = `enter_${suffix}`;
    return (
      failures.some(({ program }) => program === name) || attachProgram(object.program(name), links) !== null
    );
  });
  return { reports, unentered };
}

/** Is the kernel built with seccomp? proc_pid_status(5). */
function hasSeccomp(): boolean {
  return /^Seccomp:/m.test(readFileSync("/proc/self/status", "utf8"));
}

/** One report for all calls. */
function summary(
  functions: number,
  others: readonly CallFunction[],
  unentered: readonly string[],
): ProgramReport {
  let detail = `attached to ${functions} functions`;
  const names = [...new Set(others.map(({ call }) => call))];
  if (names.length > 0) detail += `; at the return of every call: ${names.join(", ")}`;
  if (unentered.length > 0) detail += `; not at the entry of: ${unentered.join(", ")}`;
  return { ...reportOf("calls", null, ""), detail };
}

function isOfCall(program: string): boolean {
  return /^(enter|leave)_/.test(program);
}

function suffixOf(program: string): string {
  return program.replace(/^(enter|leave)_/, "");
}

function bytesOf(table: Uint16Array): Uint8Array {
  return new Uint8Array(table.buffer);
}
