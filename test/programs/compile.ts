import { spawnSync } from "node:child_process";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";

const SOURCES = fileURLToPath(new URL(".", import.meta.url));

/** For code without a C library, at addresses that 32 bits can hold. */
export const FREESTANDING = [
  "-static",
  "-nostdlib",
  "-ffreestanding",
  "-fno-stack-protector",
  "-fno-pie",
  "-no-pie",
];

/** 32-bit code needs no library either: Debian has those for i386 in other packages. */
export const FREESTANDING_I386 = ["-m32", ...FREESTANDING];

/**
 * Compiles test/programs/`source` with gcc into `folder`. Returns the program's path; throws with the compiler's words
 * where it fails.
 */
export function compileProgram(source: string, options: readonly string[], folder: string): string {
  const program = join(folder, basename(source, ".c"));
  const { status, stderr, error } = spawnSync(
    "gcc",
    ["-Wall", "-Wextra", "-Werror", "-O1", ...options, "-o", program, join(SOURCES, source)],
    { encoding: "utf8" },
  );
  if (status !== 0) throw new Error(`gcc ${source}: ${error?.message ?? stderr}`);
  return program;
}
