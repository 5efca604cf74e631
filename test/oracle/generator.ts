import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compileProgram, FREESTANDING, FREESTANDING_I386 } from "../programs/compile.js";

/** The ways into the kernel for which test/programs/random.c can be built. */
export const ENTRIES = ["x86_64", "i386", "int80"] as const;
export type Entry = (typeof ENTRIES)[number];

const OPTIONS: Readonly<Record<Entry, readonly string[]>> = {
  x86_64: FREESTANDING,
  i386: FREESTANDING_I386,
  int80: [...FREESTANDING, "-DINT80"],
};

/** Compiles the generator into a new folder, which the caller removes. Throws with the compiler's words. */
export function compileGenerator(entry: Entry): { readonly path: string; readonly folder: string } {
  const folder = mkdtempSync(join(tmpdir(), "keyhole-random-"));
  return { path: compileProgram("random.c", OPTIONS[entry], folder), folder };
}

/** The generator's command line; without a seed it takes a new one and prints it. */
export function generatorCommand(path: string, calls: number, seed?: number): readonly string[] {
  return [path, String(calls), ...(seed === undefined ? [] : [String(seed)])];
}
