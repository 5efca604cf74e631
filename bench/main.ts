/**
 * npm run bench [-- NAME... [--json FILE]]: measures against the budgets, beside a reference in the same run.
 * Without names all are run. Nothing here fails because of a time: it prints what was measured.
 */
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import type { Report } from "./report.js";
import { printReport } from "./report.js";
import { soak } from "./soak.js";
import { startup } from "./startup.js";

const BENCHMARKS: Readonly<Record<string, () => Promise<Report>>> = { startup, soak };

const { positionals, values } = parseArgs({ allowPositionals: true, options: { json: { type: "string" } } });
const names = positionals.length > 0 ? positionals : Object.keys(BENCHMARKS);
const unknown = names.filter((name) => BENCHMARKS[name] === undefined);
if (unknown.length > 0) {
  process.stderr.write(
    `bench: no benchmark ${unknown.join(", ")}; there are ${Object.keys(BENCHMARKS).join(", ")}\n`,
  );
  process.exit(2);
}

const reports: Report[] = [];
for (const name of names) {
  process.stderr.write(`bench: ${name}\n`);
  const report = await BENCHMARKS[name]!();
  printReport(report);
  reports.push(report);
}
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(reports, null, 2)}\n`);
