/**
 * Writes the generated parts of docs/: node --import tsx scripts/docs.ts [--check]
 *
 * A page holds them between `<!-- BEGIN name -->` and `<!-- END name -->`. With --check nothing is written; a
 * page that is not what would be written is named on stderr, and the exit status is 1.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { calls } from "./docs/calls.js";
import { commands } from "./docs/commands.js";
import { configuration } from "./docs/configuration.js";
import { errors } from "./docs/errors.js";
import { lostReasons } from "./docs/lost-reasons.js";
import { metrics } from "./docs/metrics.js";
import { fill } from "./docs/page.js";
import { exceptions, ruleFields, rules } from "./docs/rules.js";

const DOCS = fileURLToPath(new URL("../docs", import.meta.url));

/** What makes each part. */
const PARTS: Readonly<Record<string, () => string>> = {
  calls,
  commands,
  configuration,
  errors,
  "lost-reasons": lostReasons,
  metrics,
  "rule-exceptions": exceptions,
  "rule-fields": ruleFields,
  rules,
};

const { values } = parseArgs({ options: { check: { type: "boolean", default: false } } });
const unused = new Set(Object.keys(PARTS));
const stale: string[] = [];
for (const name of readdirSync(DOCS).filter((file) => file.endsWith(".md"))) {
  const path = join(DOCS, name);
  const before = readFileSync(path, "utf8");
  const after = fill(before, (part) => {
    const make = PARTS[part];
    if (make === undefined) throw new Error(`docs/${name}: nothing makes a part called "${part}"`);
    unused.delete(part);
    return make();
  });
  if (after === before) continue;
  stale.push(`docs/${name}`);
  if (!values.check) writeFileSync(path, after);
}
for (const part of unused) process.stderr.write(`docs: no page has a part called "${part}"\n`);
for (const page of stale) {
  const text = values.check ? "is stale: run npm run docs" : "written";
  (values.check ? process.stderr : process.stdout).write(`${page} ${text}\n`);
}
process.exitCode = unused.size > 0 || (values.check && stale.length > 0) ? 1 : 0;
