import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { after } from "node:test";
import { fileURLToPath } from "node:url";

const SOURCES = fileURLToPath(new URL(".", import.meta.url));

/** 32-bit code for i386 that needs neither a C library nor its headers, which Debian has in other packages. */
export const FREESTANDING_I386 = [
  "-m32",
  "-static",
  "-nostdlib",
  "-ffreestanding",
  "-fno-stack-protector",
  "-fno-pie",
];

/**
 * Compiles test/programs/`source` with gcc into a temporary folder that is removed after the tests of the
 * file. Returns the program's path; throws with the compiler's words where it fails.
 */
export function buildProgram(source: string, options: readonly string[] = ["-pthread"]): string {
  const folder = temporaryFolder();
  const program = join(folder, basename(source, ".c"));
  const { status, stderr, error } = spawnSync(
    "gcc",
    ["-Wall", "-Wextra", "-Werror", "-O1", ...options, "-o", program, join(SOURCES, source)],
    { encoding: "utf8" },
  );
  if (status !== 0) throw new Error(`gcc ${source}: ${error?.message ?? stderr}`);
  return program;
}

/** An empty folder that is removed after the tests of the file. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "keyhole-program-"));
  after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
