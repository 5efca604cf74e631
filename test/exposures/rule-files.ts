import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { type LoadedRules, loadRuleSet, type RuleSources } from "../../src/exposures/rule-loader.js";
import { NO_OVERRIDES } from "../../src/exposures/rule-set.js";

/** A directory with files of rules, which is removed after the test. */
export function directoryOf(t: TestContext, files: Readonly<Record<string, string | Buffer>>): string {
  const base = mkdtempSync(join(tmpdir(), "keyhole-rules-"));
  t.after(() => rmSync(base, { recursive: true }));
  const directory = join(base, "rules.d");
  mkdirSync(directory);
  for (const [name, content] of Object.entries(files)) writeFileSync(join(directory, name), content);
  return directory;
}

/** What is loaded from `files`, and what is wrong with them, each as `FILE:LINE:COLUMN: what`. */
export function load(
  t: TestContext,
  files: Readonly<Record<string, string | Buffer>>,
  more: Partial<RuleSources> = {},
): LoadedRules & { readonly lines: readonly string[] } {
  const directory = directoryOf(t, files);
  const loaded = loadRuleSet({ directory, overrides: NO_OVERRIDES, ...more });
  const lines = loaded.problems.map(({ where, what }) => `${where.replace(`${directory}/`, "")}: ${what}`);
  return { ...loaded, lines };
}

/** A rule on: call as YAML; `keys` replace its own. Null leaves one out. */
export function ruleText(id: string, keys: Readonly<Record<string, string | null>> = {}): string {
  const all: Readonly<Record<string, string | null>> = {
    title: "A rule",
    on: "call",
    syscalls: "[openat]",
    condition: "ret >= 0",
    severity: "medium",
    evidence: '"{process.exe} opened {file.path}"',
    description: "What it means.",
    remediation: "What to do.",
    ...keys,
  };
  const lines = Object.entries(all).filter(([, value]) => value !== null);
  return `  - id: ${id}\n${lines.map(([key, value]) => `    ${key}: ${value}\n`).join("")}`;
}

/** The ids of the rules that come from the files of a test. */
export function idsOf({ data, files }: LoadedRules): string[] {
  return data
    .filter(({ info }) => files.some((file) => info.origin!.startsWith(file)))
    .map(({ info }) => info.id);
}
