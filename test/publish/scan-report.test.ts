import assert from "node:assert/strict";
import { test } from "node:test";
import type { ScanReport } from "../../src/commands/scan-report.js";
import type { FindingChange } from "../../src/exposures/findings.js";
import { allRules, DETECTORS, type RuleSet } from "../../src/exposures/rule-set.js";
import { markdown } from "../../src/publish/markdown.js";
import { sarif } from "../../src/publish/sarif.js";

const HOSTILE = "a`b``c|<img src=x>\u001b[31m[x](y)\n# z";

/** With a rule that is no typed detector, as those that users write. */
const SET: RuleSet = {
  ...DETECTORS,
  stories: [{ ...DETECTORS.instances[0]!, id: "own-rule", evaluate: () => [] }],
};

function finding(rule: string, severity: FindingChange["severity"], name: string): FindingChange {
  const info = allRules(SET).find(({ id }) => id === rule)!;
  return {
    ...{ type: "finding", id: "0123456789abcdef", rule, title: info.title, severity, state: "open" },
    ...{ kind: info.kind, count: 1, first_seen: "t", last_seen: "t" },
    subject: {
      ...{ kind: "container", id: `${name}-id`, pid: 7 },
      container: { id: `${name}-id`, runtime: "runc", name, image: null, pod: null },
    },
    evidence: [{ fact: `it is at ${name}`, check: "grep '^7 ' /proc/7/mountinfo" }],
    ...{ remediation: info.remediation, references: info.references, tags: info.tags, also: [] },
  } as FindingChange;
}

const NONE = { critical: 0, high: 0, medium: 0, low: 0, info: 0 };

const report: ScanReport = {
  schema: 1,
  node: "worker 1",
  time: "2026-01-02T03:04:05.000Z",
  complete: false,
  notSeen: [{ what: HOSTILE, reason: "it ended" }],
  suppressed: { disabled: 2 },
  recording: null,
  containers: [
    { id: `${HOSTILE}-id`, container: null, score: 80, findings: NONE },
    { id: "web-id", container: null, score: 40, findings: NONE },
    { id: "clean-id", container: null, score: 0, findings: NONE },
  ],
  findings: [
    finding("proc-unmasked", "critical", HOSTILE),
    finding("proc-mask-missing", "medium", "web"),
    finding("proc-mask-missing", "low", "db"),
    finding("own-rule", "low", "db"),
  ],
};

interface Log {
  readonly version: string;
  readonly runs: readonly {
    readonly tool: {
      readonly driver: { readonly rules: readonly { readonly id: string; readonly helpUri?: string }[] };
    };
    readonly invocations: readonly { readonly toolExecutionNotifications: readonly unknown[] }[];
    readonly results: readonly {
      readonly ruleId: string;
      readonly ruleIndex: number;
      readonly level: string;
      readonly message: { readonly text: string };
      readonly locations: readonly {
        readonly physicalLocation: { readonly artifactLocation: { readonly uri: string } };
      }[];
      readonly properties: { readonly "security-severity": string; readonly "container-score"?: number };
    }[];
  }[];
}

test("a SARIF log has each rule once, and each finding points at its rule", () => {
  const { version, runs } = JSON.parse(JSON.stringify(sarif(report, SET))) as Log;
  assert.equal(version, "2.1.0");
  const [run] = runs;
  const rules = run!.tool.driver.rules.map(({ id }) => id);
  assert.deepEqual([...rules].sort(), ["own-rule", "proc-mask-missing", "proc-unmasked"]);
  assert.equal(run!.results.length, report.findings.length);
  for (const [index, result] of run!.results.entries()) {
    assert.equal(result.ruleId, report.findings[index]!.rule);
    assert.equal(rules[result.ruleIndex], result.ruleId);
  }
  assert.deepEqual(
    run!.results.map(({ level, properties }) => [level, properties["security-severity"]]),
    [
      ["error", "9.5"],
      ["warning", "5.5"],
      ["note", "3.0"],
      ["note", "3.0"],
    ],
  );
  assert.deepEqual(
    run!.results.map(({ properties }) => properties["container-score"]),
    [80, 40, undefined, undefined],
  );
  for (const { helpUri } of run!.tool.driver.rules) assert.ok(URL.canParse(helpUri ?? ""));
  assert.equal(run!.invocations[0]!.toolExecutionNotifications.length, 1);
});

test("names that containers chose are harmless in a SARIF log, and its addresses are relative URIs", () => {
  const [run] = (JSON.parse(JSON.stringify(sarif(report, SET))) as Log).runs;
  for (const { message, locations } of run!.results) {
    assert.match(message.text, /^[ -~]*$/);
    const { uri } = locations[0]!.physicalLocation.artifactLocation;
    assert.equal(new URL(uri, "file:///").pathname, `/${uri}`);
    assert.match(uri, /^worker%201\/[^/]+$/);
  }
});

test("a Markdown report has every finding with what shows it, what to do, and what is left out", () => {
  const text = markdown(report);
  for (const { rule, title } of report.findings) {
    assert.ok(text.includes(title), title);
    assert.ok(text.includes(`\`${rule}\``), rule);
  }
  assert.match(text, /^\| critical \| 1 \|\n\| medium \| 1 \|\n\| low \| 2 \|$/m);
  assert.equal(text.split("`grep '^7 ' /proc/7/mountinfo`").length - 1, 4);
  assert.match(text, /^\| `web-id` \| 40 \|$/m);
  assert.doesNotMatch(text, /clean-id/);
  assert.match(text, /^- 2 findings are not shown: disabled$/m);
  assert.match(text, /^- not seen: /m);
});

test("names that containers chose cannot write Markdown or HTML", () => {
  const text = markdown(report);
  assert.doesNotMatch(text, /\u001b/);
  // outside of code spans, and without what is escaped, nothing of it is left that means anything
  const prose = text.replace(/\\[^\w\s]|(`+)(?!`).*?[^`]\1(?!`)/g, "");
  assert.doesNotMatch(prose, /<|`|\]\(/);
  assert.ok(prose.includes("&#60;img src=x&#62;"));
  const headings = text.split("\n").filter((line) => line.startsWith("#"));
  assert.equal(headings.length, 2 + report.findings.length);
});
