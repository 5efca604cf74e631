import assert from "node:assert/strict";
import { test } from "node:test";
import { checkRules, documentRules, listFields, testRules } from "../../src/commands/rules.js";
import { listedRules, listRules } from "../../src/commands/rules-list.js";
import { DEFAULTS } from "../../src/config/config.js";
import { FACTS } from "../../src/exposures/rule.js";
import { loadRuleSet } from "../../src/exposures/rule-loader.js";
import { directoryOf, ruleText } from "../exposures/rule-files.js";

const TESTS = `
      - { name: any, facts: { ret: 3 }, finds: medium }
      - { name: "refused\\e[31m", facts: { ret: -1 }, finds: high }
`;

function capture(command: (options: { config: typeof DEFAULTS; write: (text: string) => void }) => number) {
  let text = "";
  const config = { ...DEFAULTS, rules: { ...DEFAULTS.rules, directory: "/nonexistent" } };
  const status = command({
    config,
    write: (more) => {
      text += more;
    },
  });
  return { status, text };
}

test("check tells every problem of every directory, and ends with 2 for any", (t) => {
  const good = directoryOf(t, { "a.yaml": `rules:\n${ruleText("one")}` });
  const bad = directoryOf(t, {
    "a.yaml": `rules:\n${ruleText("one", { condition: "\u202e", severity: "worst" })}`,
    "b.yaml": `rules:\n${ruleText("two")}`,
  });
  assert.deepEqual(
    capture((options) => checkRules([good], options)),
    { status: 0, text: `${good}: 1 file, 1 rule, 0 exceptions, 0 problems\n` },
  );
  const { status, text } = capture((options) => checkRules([bad, good], options));
  assert.equal(status, 2);
  assert.match(text, new RegExp(`^${bad}/a.yaml:7:15: severity is not valid`, "m"));
  assert.match(text, new RegExp(`^${bad}: 2 files, 1 rule, 0 exceptions, 1 problem$`, "m"));
  assert.match(text, new RegExp(`^${good}: 1 file, 1 rule, 0 exceptions, 0 problems$`, "m"));
  assert.equal(capture((options) => checkRules(["/nonexistent"], options)).status, 2);
});

test("test runs what stands beside the rules of the directories, and ends with 1 when one fails", (t) => {
  const directory = directoryOf(t, {
    "a.yaml": `rules:\n${ruleText("one", { tests: TESTS })}${ruleText("two")}`,
    "b.yaml":
      "exceptions:\n  - name: mine\n    rules: [one]\n    description: x\n    fields: process.exe\n    values: [/a]\n" +
      "    tests:\n      - { name: a, facts: { process.exe: /a }, spares: true }\n" +
      "      - { name: b, facts: { process.exe: /b }, spares: true }\n",
  });
  const { status, text } = capture((options) => testRules([directory], options));
  assert.equal(status, 1);
  assert.deepEqual(text.split("\n"), [
    `${directory}/a.yaml:13:9: one: refused\\x1b[31m: expected high, found nothing`,
    `${directory}/b.yaml:9:9: mine: b: expected spares, found does not spare`,
    "without a test: two",
    "2 tests passed, 2 failed",
    "",
  ]);
});

test("list says what each rule lacks, who spares it and where it comes from", (t) => {
  const directory = directoryOf(t, {
    "a.yaml":
      `rules:\n${ruleText("mine")}overrides:\n  - {rule: mine, severity: low}\n  - {rule: proc-default-gaps, enabled: false}\n` +
      "exceptions:\n  - {name: ours, rules: [mine], description: x, fields: process.exe}\n",
  });
  const loaded = loadRuleSet({ directory, overrides: DEFAULTS.rules });
  const available = new Set(FACTS.filter((fact) => fact !== "opens"));
  const listed = new Map(listedRules(loaded, available).map((rule) => [rule.id, rule]));
  const mine = listed.get("mine")!;
  assert.deepEqual(
    [mine.state, mine.missing, mine.severity, mine.overridden, mine.origin, mine.exceptions],
    ["inactive", ["opens"], "low", true, `${directory}/a.yaml:2:5`, ["ours"]],
  );
  assert.equal(listed.get("proc-default-gaps")!.state, "disabled");
  assert.equal(listed.get("ns-enter-host")!.state, "active");
  assert.equal(listed.get("ns-enter-host")!.origin, null);
});

test("list prints all rules with the problems of files, and ends with 2 for these", () => {
  const table = capture((options) => listRules({ ...options, output: "table", hostRoot: "/" }));
  assert.equal(table.status, 2);
  assert.match(table.text, /^RULE +KIND +SEVERITY +STATE/);
  assert.match(table.text, /^core-pattern-write +act +critical/m);
  assert.match(table.text, /^\/nonexistent: the directory of rules cannot be read/m);
  const { text } = capture((options) => listRules({ ...options, output: "json", hostRoot: "/" }));
  const { rules, problems } = JSON.parse(text);
  assert.ok(rules.length > 30);
  assert.equal(problems[0].found, "ENOENT");
});

test("list says that rules about opened files are inactive where opens are off", () => {
  const { text } = capture((options) =>
    listRules({ ...options, config: { ...options.config, opens: "off" }, output: "json", hostRoot: "/" }),
  );
  const rules = new Map(JSON.parse(text).rules.map((rule: { readonly id: string }) => [rule.id, rule]));
  const { state, missing } = rules.get("core-pattern-write") as { state: string; missing: string[] };
  assert.equal(state, "inactive");
  assert.ok(missing.includes("opens"));
});

test("docs and fields print every rule and every field", () => {
  const { text } = capture(documentRules);
  assert.match(text, /^## kernel-hardening-weakened$/m);
  assert.match(text, /^\| `kube-proxy` \|/m);
  const fields = capture((options) => listFields("json", options));
  const names = JSON.parse(fields.text).fields.map(({ name }: { readonly name: string }) => name);
  for (const name of ["args.nstype", "file.entry", "story.steps", "place.readonly", "procfs.points"])
    assert.ok(names.includes(name), name);
  assert.equal(new Set(names).size, names.length);
});
