import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type BpfObject, LibbpfError, loadLibbpf } from "@keyhole/libbpf";
import { isSince } from "../kernel/release.js";

/** Why a program of an object is not running. */
export interface ProgramFailure {
  readonly program: string;
  readonly errno: string | null;
  /** The last lines of libbpf's and the verifier's log. */
  readonly detail: string;
}

export interface LoadedObject {
  /** Of the object file: `capture`, or its twin `capture-probe`. */
  readonly name: string;
  readonly object: BpfObject;
  /** Programs that this kernel refused; the others are loaded. */
  readonly failures: readonly ProgramFailure[];
}

/** The Linux with bpf_rdonly_cast(). */
const CAST = [6, 2] as const;

/** The compiled object `name` for this machine: bpf/ARCH/NAME.bpf.o beside dist/ and src/. */
export function objectPath(name: string): string {
  return fileURLToPath(new URL(`../../bpf/${process.arch}/${name}.bpf.o`, import.meta.url));
}

/**
 * Loads the object `name`, with as many of its programs as the kernel takes: a program that is refused, or whose
 * tracepoint the kernel lacks, does not take the others with it. `prepare` sets globals, map sizes and which programs
 * are wanted; it runs once for each attempt. Throws the LibbpfError of the last attempt when no program loads.
 *
 * An object that reads through typed pointers (Linux 5.11) has a twin, NAME-probe, for older kernels, and may have another,
 * NAME-cast, that reads by plain loads what it has only an address of: whichever loads as a whole is taken, else the one
 * of which more does.
 */
export function loadObject(name: string, prepare: (object: BpfObject) => void = () => {}): LoadedObject {
  const variants = [...(isSince(...CAST) ? [`${name}-cast`] : []), name, `${name}-probe`];
  const names = variants.filter((variant) => existsSync(objectPath(variant)));
  let refusal: unknown;
  for (const variant of names) {
    try {
      return { name: variant, object: openAndLoad(variant, prepare, []), failures: [] };
    } catch (error) {
      if (!(error instanceof LibbpfError)) throw error;
      refusal = error;
    }
  }
  let best: LoadedObject | null = null;
  for (const variant of names) {
    const loaded = loadMost(variant, prepare);
    const isBetter = loaded !== null && (best === null || loaded.failures.length <= best.failures.length);
    (isBetter ? best : loaded)?.object.close();
    if (isBetter) best = loaded;
  }
  if (best === null) throw refusal;
  return best;
}

/** Attempts that are worth it: a kernel that refuses more programs refuses them for a reason that all have. */
const MAX_REFUSED = 8;

/** Loads an object without the programs that are refused, one more left out at each attempt; null when too many are. */
function loadMost(name: string, prepare: (object: BpfObject) => void): LoadedObject | null {
  const failures: ProgramFailure[] = [];
  for (;;) {
    try {
      return { name, object: openAndLoad(name, prepare, failures), failures };
    } catch (error) {
      if (!(error instanceof LibbpfError)) throw error;
      const program = refusedProgram(error);
      if (program === null || failures.some((failure) => failure.program === program)) return null;
      if (failures.length === MAX_REFUSED) return null;
      failures.push({ program, errno: error.errno, detail: lastLines(error) });
    }
  }
}

/** Which program libbpf gave up at. */
function refusedProgram({ log }: LibbpfError): string | null {
  return [...log.matchAll(/prog '([^']+)': failed to/g)].at(-1)?.[1] ?? null;
}

function openAndLoad(
  name: string,
  prepare: (object: BpfObject) => void,
  without: readonly ProgramFailure[],
): BpfObject {
  const object = loadLibbpf().open(objectPath(name), { name });
  try {
    prepare(object);
    for (const { program } of without) object.program(program).setAutoload(false);
    object.load();
    return object;
  } catch (error) {
    object.close();
    throw error;
  }
}

/** The end of the captured log is where the reason stands. */
export function lastLines(error: LibbpfError, lines = 8): string {
  const log = error.log.trimEnd().split("\n").slice(-lines).join("; ");
  return log === "" ? error.message : `${error.message}: ${log}`;
}
