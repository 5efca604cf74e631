import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ERRORS } from "./error-table.js";
import { assertSameKeys, code } from "./page.js";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** Where codes are made, and how one looks there: several KEYHOLE_ names are variables. */
const SOURCES: readonly (readonly [folder: string, made: RegExp])[] = [
  ["src", /\bcode: "(KEYHOLE_[A-Z_]+)"/g],
  ["packages/libbpf/src", /"(LIBBPF_[A-Z_]+)"/g],
];

/** Every error code, what it means and what to do. */
export function errors(): string {
  const found = codesInSource();
  assertSameKeys("error codes", found.keys(), Object.keys(ERRORS));
  const sections = [...found.keys()].sort().map((name) => {
    const { means, todo } = ERRORS[name]!;
    const files = [...found.get(name)!].sort().map(code).join(", ");
    return `## ${name}\n\n${means}\n\n**What to do.** ${todo}\n\nMade in ${files}.`;
  });
  return sections.join("\n\n");
}

/** The files in which each code stands. */
function codesInSource(): Map<string, Set<string>> {
  const codes = new Map<string, Set<string>>();
  for (const [folder, made] of SOURCES) {
    for (const name of readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })) {
      if (!name.endsWith(".ts")) continue;
      const file = join(folder, name);
      for (const [, found] of readFileSync(join(ROOT, file), "utf8").matchAll(made)) {
        const files = codes.get(found!) ?? new Set();
        codes.set(found!, files.add(file));
      }
    }
  }
  return codes;
}
