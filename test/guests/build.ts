import { spawnSync } from "node:child_process";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { compileProgram, FREESTANDING_I386 } from "../programs/compile.js";

const HERE = fileURLToPath(new URL(".", import.meta.url));

/** A guest has no C library; int $0x80 takes addresses below 4 GiB only. */
const STATIC = ["-static", "-no-pie", "-pthread"];

/** Compiles the programs that are run in guests into `folder` and returns their paths. Throws with gcc's words. */
export function buildPrograms(folder: string): string[] {
  const own = ["acts.c", "newer.c", "raced.c", "crowd.c", "mark.c", "hold.c"].map((source) =>
    compileOwn(source, folder),
  );
  const shared = ["calls.c", "refused.c", "endings.c", "compat.c", "opens.c"];
  return [
    ...own,
    ...shared.map((source) => compileProgram(source, STATIC, folder)),
    compileProgram("i386.c", FREESTANDING_I386, folder),
  ];
}

function compileOwn(source: string, folder: string): string {
  const program = join(folder, basename(source, ".c"));
  const options = ["-Wall", "-Wextra", "-Werror", "-O1", ...STATIC, "-o", program, join(HERE, source)];
  const { status, stderr, error } = spawnSync("gcc", options, { encoding: "utf8" });
  if (status !== 0) throw new Error(`gcc ${source}: ${error?.message ?? stderr}`);
  return program;
}
