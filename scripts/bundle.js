/**
 * Puts the compiled agent together into few files: node scripts/bundle.js
 *
 * Node opens, resolves and compiles each module by itself, which is most of what a command takes to start. Packages stay
 * packages, but for @keyhole/libbpf. What is imported when it is needed stays in a file of its own.
 */
import { chmodSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { parse } from "yaml";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
/** As deep below the root as the modules are, which find files of the package by where they are. */
const FOLDER = join(ROOT, "dist/bundle");

/** @type {import("esbuild").Plugin} */
const packages = {
  name: "packages",
  setup({ onResolve }) {
    onResolve({ filter: /^[^./]/ }, ({ path, kind }) =>
      kind === "entry-point" || path === "@keyhole/libbpf" ? null : { path, external: true },
    );
  },
};

rmSync(FOLDER, { recursive: true, force: true });
await build({
  absWorkingDir: ROOT,
  entryPoints: ["src/main.ts"],
  outdir: FOLDER,
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node20",
  keepNames: true,
  legalComments: "none",
  logLevel: "warning",
  plugins: [packages],
});
/**
 * The rules that Keyhole comes with, as JSON: reading YAML would be a third of the time to the first event.
 * src/exposures/shipped-documents.ts reads them.
 */
const rules = join(ROOT, "src/exposures/rules");
const documents = readdirSync(rules)
  .filter((name) => name.endsWith(".yaml"))
  .sort()
  .map((name) => ({ name, value: parse(readFileSync(join(rules, name), "utf8")) }));
writeFileSync(join(ROOT, "dist/shipped-rules.json"), JSON.stringify(documents));
/** The same of the catalogue, checked: src/exposures/catalogue.ts reads it. */
const { loadEntries } = await import(join(ROOT, "dist/exposures/entries.js"));
writeFileSync(join(ROOT, "dist/shipped-catalogue.json"), JSON.stringify(loadEntries()));

const program = join(ROOT, "dist/keyhole.js");
writeFileSync(program, '#!/usr/bin/env node\nimport "./bundle/main.js";\n');
chmodSync(program, 0o755);
