/**
 * Puts the compiled agent together into few files: node scripts/bundle.js
 *
 * Node opens, resolves and compiles each module by itself, which is most of what a command takes to start. Packages stay
 * packages, but for @keyhole/libbpf. What is imported when it is needed stays in a file of its own.
 */
import { chmodSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { parse } from "yaml";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
/** As deep below the root as the modules are, which find files of the package by where they are. */
const FOLDER = join(ROOT, "dist/bundle");

/** The same for `keyhole tree`, which is to be as quick as lsns: what other commands share with it is in fewer files. */
const TREE_FOLDER = join(ROOT, "dist/bundle-tree");
/** Packages that every command needs and that have a form for require(), which is found and loaded in half the time. */
const REQUIRED = new Set(["commander", "koffi"]);

/** @type {import("esbuild").Plugin} */
const packages = {
  name: "packages",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^[^./]/ }, ({ path, kind }) => {
      if (kind === "entry-point" || path === "@keyhole/libbpf") return null;
      if (kind === "import-statement" && REQUIRED.has(path)) return { path, namespace: "required" };
      return { path, external: true };
    });
    onLoad({ filter: /./, namespace: "required" }, ({ path }) => ({
      contents: `module.exports = require(${JSON.stringify(path)});`,
    }));
  },
};

/**
 * Bundles the command line into `folder`; returns which file there has each of the modules that are imported when needed.
 * @param {string} folder
 * @param {readonly import("esbuild").Plugin[]} [plugins]
 */
async function bundle(folder, plugins = []) {
  rmSync(folder, { recursive: true, force: true });
  const { metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: ["src/main.ts"],
    outdir: folder,
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node20",
    // keepNames would have each function name itself whenever it is made, some for every event
    legalComments: "none",
    logLevel: "warning",
    metafile: true,
    banner: {
      js: 'import { createRequire as $createRequire } from "node:module";\nconst require = $createRequire(import.meta.url);',
    },
    plugins: [...plugins, packages],
  });
  return new Map(
    Object.entries(metafile.outputs).map(([file, { entryPoint }]) => [entryPoint, basename(file)]),
  );
}

const files = await bundle(FOLDER);
/** @type {import("esbuild").Plugin} */
const otherCommands = {
  name: "other-commands",
  setup({ onResolve }) {
    onResolve({ filter: /\/commands\/[^/]+\.js$/ }, ({ path, kind }) => {
      const file = files.get(`src/commands/${basename(path, ".js")}.ts`);
      if (kind !== "dynamic-import" || file === undefined || basename(path).startsWith("tree")) return null;
      return { path: `../${basename(FOLDER)}/${file}`, external: true };
    });
  },
};
await bundle(TREE_FOLDER, [otherCommands]);
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
writeFileSync(
  program,
  `#!/usr/bin/env node
if (process.argv[2] === "tree") {
  await import("./bundle-tree/main.js");
  // Once all is written the kernel takes down what is left, and sooner.
  process.stdout.write("", (error) => error || process.stderr.write("", () => process.exit()));
} else {
  await import("./bundle/main.js");
}
`,
);
chmodSync(program, 0o755);
