import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { compileProgram } from "./compile.js";

/**
 * Compiles test/programs/`source` with gcc into a temporary folder that is removed after the tests of the file.
 * Returns the program's path; throws with the compiler's words where it fails.
 */
export function buildProgram(source: string, options: readonly string[] = ["-pthread"]): string {
  return compileProgram(source, options, temporaryFolder());
}

/** An empty folder that is removed after the tests of the file. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "keyhole-program-"));
  after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
