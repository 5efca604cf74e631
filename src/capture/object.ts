import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type BpfObject, LibbpfError, loadLibbpf } from "@keyhole/libbpf";

/** Why a program of an object is not running. */
export interface ProgramFailure {
  readonly program: string;
  readonly errno: string | null;
  /** The last lines of libbpf's and the verifier's log. */
  readonly detail: string;
}

export interface LoadedObject {
  readonly object: BpfObject;
  /** Programs that this kernel refused; the others are loaded. */
  readonly failures: readonly ProgramFailure[];
}

/** The compiled object `name` for this machine: bpf/ARCH/NAME.bpf.o beside dist/ and src/. */
export function objectPath(name: string): string {
  return fileURLToPath(new URL(`../../bpf/${process.arch}/${name}.bpf.o`, import.meta.url));
}

/**
 * Loads the object `name`, with as many of its programs as the kernel takes: a program that is refused, or whose
 * tracepoint the kernel lacks, does not take the others with it. `prepare` sets globals and map sizes; it runs once for
 * each attempt. Throws the LibbpfError of the last attempt when no program loads.
 *
 * An object that reads through typed pointers (Linux 5.11) has a twin, NAME-probe, for older kernels: whichever loads
 * as a whole is taken, else the one of which more does.
 */
export function loadObject(name: string, prepare: (object: BpfObject) => void = () => {}): LoadedObject {
  const names = [name, `${name}-probe`].filter((variant) => existsSync(objectPath(variant)));
  let refusal: unknown;
  for (const variant of names) {
    try {
      return { object: openAndLoad(variant, prepare, null), failures: [] };
    } catch (error) {
      if (!(error instanceof LibbpfError)) throw error;
      refusal = error;
    }
  }
  const trials = names.map((variant) => tryPrograms(variant, prepare));
  const best = trials.reduce((one, other) => (other.good.size > one.good.size ? other : one));
  if (best.good.size === 0) throw refusal;
  return { object: openAndLoad(best.name, prepare, best.good), failures: best.failures };
}

interface Trial {
  readonly name: string;
  readonly good: ReadonlySet<string>;
  readonly failures: readonly ProgramFailure[];
}

/** Loads each program of an object by itself. */
function tryPrograms(name: string, prepare: (object: BpfObject) => void): Trial {
  const failures: ProgramFailure[] = [];
  const good = new Set<string>();
  for (const program of programNames(name)) {
    try {
      openAndLoad(name, prepare, new Set([program])).close();
      good.add(program);
    } catch (error) {
      if (!(error instanceof LibbpfError)) throw error;
      failures.push({ program, errno: error.errno, detail: lastLines(error) });
    }
  }
  return { name, good, failures };
}

function programNames(name: string): string[] {
  using object = loadLibbpf().open(objectPath(name), { name });
  return object.programs.map((program) => program.name);
}

function openAndLoad(
  name: string,
  prepare: (object: BpfObject) => void,
  only: ReadonlySet<string> | null,
): BpfObject {
  const object = loadLibbpf().open(objectPath(name), { name });
  try {
    if (only !== null) for (const program of object.programs) program.setAutoload(only.has(program.name));
    prepare(object);
    object.load();
    return object;
  } catch (error) {
    object.close();
    throw error;
  }
}

/** The end of the captured log is where the reason stands. */
export function lastLines(error: LibbpfError, lines = 4): string {
  const log = error.log.trimEnd().split("\n").slice(-lines).join("; ");
  return log === "" ? error.message : `${error.message}: ${log}`;
}
