import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { loadRuleSet } from "../../src/exposures/rule-loader.js";
import { allRules, NO_OVERRIDES } from "../../src/exposures/rule-set.js";
import { directoryOf, idsOf, load, ruleText } from "./rule-files.js";

test("files are read in the order of their names, hidden and other ones not at all", (t) => {
  const loaded = load(t, {
    "b.yaml": `rules:\n${ruleText("second")}`,
    "a.yaml": `rules:\n${ruleText("first")}`,
    ".c.yaml": "nonsense",
    "d.yml": "nonsense",
    "empty.yaml": "# nothing yet\nrules:\n",
  });
  assert.deepEqual(loaded.lines, []);
  assert.deepEqual(idsOf(loaded), ["first", "second"]);
});

test("a misspelt field is named with its place in the file, however the condition is written", (t) => {
  const condition = 'file.entry == "x" && file.acess == null';
  const { problems, lines } = load(t, {
    "a.yaml": `rules:\n${[
      ruleText("plain", { condition }),
      ruleText("single", { condition: `'${condition}'` }),
      ruleText("double", { condition: `"${condition.replaceAll('"', '\\"')}"` }),
      ruleText("literal", { condition: `|\n      file.entry == "x" &&\n        file.acess == null` }),
      ruleText("folded", { condition: `>-\n      file.entry == "x"\n      && file.acess == null` }),
      ruleText("when", { severity: "[{ when: proces.uid == 0, is: high }, { is: low }]" }),
    ].join("")}`,
  });
  const unknown = 'there is no field "file.acess" for calls of openat';
  assert.deepEqual(lines, [
    `a.yaml:6:37: ${unknown}`,
    `a.yaml:15:38: ${unknown}`,
    `a.yaml:24:40: ${unknown}`,
    `a.yaml:35:9: ${unknown}`,
    `a.yaml:46:10: ${unknown}`,
    'a.yaml:56:24: there is no field "proces.uid" for calls of openat',
  ]);
  assert.equal(problems[0]!.hint, "did you mean file.access?");
  assert.equal(problems[5]!.hint, "did you mean process.uid?");
});

test("a rule can name what its calls and its kind have, and nothing else", (t) => {
  const { problems, lines } = load(t, {
    "a.yaml": `rules:\n${[
      ruleText("good", { syscalls: "[setns, unshare]", condition: `'"CLONE_NEWNS" in args.nstype'` }),
      ruleText("args", { syscalls: "[mount]", condition: `'"CLONE_NEWNS" in args.nstype'` }),
      ruleText("kind", { on: "story", syscalls: null, condition: "file.foreign_mount", evidence: "x" }),
      ruleText("type", { syscalls: "[setns]", condition: `'"3" in args.fd'` }),
      ruleText("evidence", { evidence: '"{proces.exe}"' }),
      ruleText("command", { check: '"ls {process.exe}"' }),
    ].join("")}`,
  });
  assert.deepEqual(
    lines.map((line) => line.replace(/^a\.yaml:\d+:\d+: /, "")),
    [
      'there is no field "args.nstype" for calls of mount',
      'there is no field "file.foreign_mount" for on: story',
      "no such overload: string in int",
      'there is no field "proces.exe" here',
      "{process.exe} cannot stand in a command",
    ],
  );
  assert.deepEqual(
    problems.slice(0, 2).map(({ hint }) => hint),
    ["setns has it", "it is a field of on: call"],
  );
});

test("whatever is wrong is told at once, and the rest is used", (t) => {
  const loaded = load(t, {
    "a.yaml": `rules:\n${[
      ruleText("good"),
      ruleText("Bad Id"),
      ruleText("unknown-key", { evidense: "x" }),
      ruleText("missing", { title: null, remediation: null }),
      ruleText("severity", { severity: "fatal" }),
      ruleText("ways", { severity: "[{ is: low }, { is: high }]" }),
      ruleText("call", { syscalls: "[opnat]" }),
      ruleText("no-calls", { syscalls: null }),
      ruleText("good"),
      ruleText("ns-enter-host"),
    ].join("")}macro: {}\n`,
    "b.yaml": "rules: [\n",
    "c.yaml": `rules:\n${ruleText("also-good")}`,
    "d.yaml": "- no keys",
  });
  assert.deepEqual(idsOf(loaded), ["good", "also-good"]);
  assert.deepEqual(loaded.lines, [
    'a.yaml:90:1: there is no key "macro"',
    "b.yaml:2:1: Flow sequence in block collection must be sufficiently indented and end with a ]",
    "d.yaml:1:1: the file has no keys",
    "a.yaml:11:9: id is not valid",
    'a.yaml:29:5: there is no key "evidense"',
    'a.yaml:30:5: the key "title" is missing',
    'a.yaml:30:5: the key "remediation" is missing',
    "a.yaml:42:15: severity is not valid",
    "a.yaml:51:15: severity is not valid",
    "a.yaml:58:16: syscalls.0 is not valid",
    'a.yaml:64:5: the key "syscalls" is missing',
    'a.yaml:72:9: there are two rules "good"',
    'a.yaml:81:9: there are two rules "ns-enter-host"',
  ]);
  const hints = loaded.problems.map(({ hint }) => hint).filter((hint) => hint !== undefined);
  assert.deepEqual(hints, ['did you mean "evidence"?', 'did you mean "openat"?']);
});

test("a file that is no UTF-8, no file, too large or a bomb is named, and the others are used", (t) => {
  const bomb = [
    "a: &a [x, x]",
    ..."bcdefghijklmnop".split("").map((name, index) => {
      const before = String.fromCharCode("a".charCodeAt(0) + index);
      return `${name}: &${name} [*${before}, *${before}, *${before}, *${before}]`;
    }),
  ].join("\n");
  const directory = directoryOf(t, {
    "a.yaml": Buffer.concat([Buffer.from("rules:\n  - id: \xe4", "latin1")]),
    "b.yaml": bomb,
    "c.yaml": "x".repeat(5 * 1024 * 1024),
    "d.yaml": `rules:\n${ruleText("good")}`,
    "e.yaml": "[".repeat(100_000),
  });
  mkdirSync(join(directory, "f.yaml"));
  // reading it as a file would wait for a writer
  assert.equal(spawnSync("mkfifo", [join(directory, "g.yaml")]).status, 0);
  const loaded = loadRuleSet({ directory, overrides: NO_OVERRIDES });
  assert.deepEqual(idsOf(loaded), ["good"]);
  const found = new Map(
    loaded.problems.map(({ where, what }) => [where.slice(directory.length + 1).split(":")[0]!, what]),
  );
  assert.deepEqual([...found.keys()].sort(), ["a.yaml", "b.yaml", "c.yaml", "e.yaml", "f.yaml", "g.yaml"]);
  assert.equal(found.get("a.yaml"), "the file is not text");
  assert.equal(found.get("c.yaml"), "the file is too large");
  assert.equal(found.get("g.yaml"), "this is no file");
});

test("conditions that YAML takes for something else are explained", (t) => {
  const { problems } = load(t, {
    "a.yaml": `rules:\n${ruleText("tag", { condition: "!process.is_runtime" })}`,
    "b.yaml": `rules:\n${ruleText("quote", { condition: '"write" in file.access' })}`,
  });
  assert.deepEqual(
    problems.map(({ hint }) => hint?.replace(/ in quotes.*/, "")),
    ["a condition that begins with ! has to stand", "a condition that begins with a quote has to stand"],
  );
});

test("ten thousand rules are refused beyond a limit that is named, and not slowly", (t) => {
  const many = Array.from({ length: 10_000 }, (_, index) => ruleText(`rule-${index}`)).join("");
  const { lines, problems, ...loaded } = load(t, { "a.yaml": `rules:\n${many}` });
  assert.equal(lines.length, 1);
  assert.match(lines[0]!, /^a\.yaml:18002:5: there are too many rules/);
  assert.deepEqual([problems[0]!.expected, problems[0]!.found], ["at most 2000", "10000"]);
  assert.equal(idsOf({ ...loaded, problems }).length, 2000);
});

test("more problems than anyone corrects at once are counted", (t) => {
  const many = Array.from({ length: 150 }, (_, index) => ruleText(`rule-${index}`, { condition: "x" }));
  const { problems, omitted } = load(t, { "a.yaml": `rules:\n${many.join("")}` });
  assert.deepEqual([problems.length, omitted], [100, 50]);
});

test("a condition that could take for ever is refused", (t) => {
  const { lines } = load(t, {
    "a.yaml": `rules:\n${[
      ruleText("backtracking", { condition: 'process.exe.matches("(a+)+$")' }),
      ruleText("loops", {
        condition: "process.ancestors.exists(a, process.ancestors.exists(b, a == b))",
      }),
      ruleText("long", { condition: `process.exe.glob("${"*a".repeat(5000)}")` }),
    ].join("")}`,
  });
  assert.deepEqual(
    lines.map((line) => line.replace(/^[^ ]* /, "")),
    ["matches() cannot be used", "a loop in a loop cannot be used", "the condition is too long"],
  );
});

test("macros are conditions by name, in whatever order they stand", (t) => {
  const loaded = load(t, {
    "a.yaml":
      "macros:\n  quiet: calm && !loud\n  calm: process.uid == 0\n" +
      `rules:\n${ruleText("rule", { condition: "quiet" })}`,
    "b.yaml": "macros:\n  loud: process.gid == 7\n",
  });
  assert.deepEqual(loaded.lines, []);
  const rule = loaded.data.find(({ info }) => info.id === "rule")!;
  const judge = (facts: Readonly<Record<string, number>>) => rule.judge((field) => facts[field] ?? null);
  assert.equal(judge({ "process.uid": 0, "process.gid": 1 }), "medium");
  assert.equal(judge({ "process.uid": 0, "process.gid": 7 }), null);
  assert.equal(judge({ "process.uid": 1, "process.gid": 1 }), null);
});

test("a macro that asks for something unknown is unknown, and so is its opposite", (t) => {
  const loaded = load(t, {
    "a.yaml":
      'macros:\n  in_bin: process.exe.startsWith("/bin/")\n' +
      `rules:\n${ruleText("yes", { condition: "in_bin" })}${ruleText("no", { condition: '"!in_bin"' })}`,
  });
  const rules = loaded.data.filter(({ info }) => ["yes", "no"].includes(info.id));
  assert.deepEqual(
    rules.map((rule) => rule.judge(() => null)),
    [null, null],
  );
  assert.deepEqual(
    rules.map((rule) => rule.judge(() => "/bin/sh")),
    ["medium", null],
  );
});

test("macros that lead back to themselves, are no conditions or have a name that is taken are refused", (t) => {
  const { lines, problems, ...loaded } = load(t, {
    "a.yaml":
      "macros:\n  a: b && c\n  b: a\n  c: ret == 0\n  d: d\n  size: true\n  ret: true\n  e: nothing == 1\n" +
      `  f: process.uid\n  g: c\nrules:\n${ruleText("uses-a", { condition: "a" })}${ruleText("uses-g", { condition: "g" })}`,
  });
  assert.deepEqual(lines, [
    'a.yaml:6:3: a macro cannot be called "size"',
    'a.yaml:7:3: a macro cannot be called "ret"',
    "a.yaml:2:3: the macro a leads back to itself",
    "a.yaml:5:3: the macro d leads back to itself",
    'a.yaml:8:6: there is no field "nothing" for any rule',
    "a.yaml:9:6: is no condition",
    'a.yaml:16:16: there is no field "a" for calls of openat',
  ]);
  assert.equal(problems[2]!.found, "a -> b -> a");
  assert.deepEqual(idsOf({ ...loaded, problems }), ["uses-g"]);
});

test("macros that double with every level are asked once each", (t) => {
  const levels = Array.from({ length: 100 }, (_, level) => {
    const next = level === 99 ? "ret == 0" : `m${level + 1} && m${level + 1}`;
    return `  m${level}: ${next}\n`;
  });
  const loaded = load(t, {
    "a.yaml": `macros:\n${levels.join("")}rules:\n${ruleText("deep", { condition: "m0" })}`,
  });
  let asked = 0;
  const rule = loaded.data.find(({ info }) => info.id === "deep")!;
  const severity = rule.judge(() => {
    asked += 1;
    return 0;
  });
  assert.deepEqual([severity, asked], ["medium", 1]);
});

test("rules that say more than each other are refused, as are ones that say more than nothing", (t) => {
  const posture = { on: "container", syscalls: null, condition: "container.realroot", evidence: '"x"' };
  const loaded = load(t, {
    "a.yaml": `rules:\n${[
      ruleText("one", { ...posture, subsumes: "[two]" }),
      ruleText("two", { ...posture, subsumes: "[three]" }),
      ruleText("three", { ...posture, subsumes: "[one]" }),
      ruleText("four", { ...posture, subsumes: "[proc-unmaskd]" }),
      ruleText("five", { ...posture, subsumes: "[proc-unmasked]" }),
    ].join("")}`,
  });
  assert.deepEqual(loaded.lines, [
    'a.yaml:29:5: "four" subsumes what is no rule: there is no rule "proc-unmaskd"',
    'a.yaml:2:5: "one" subsumes itself by way of others',
  ]);
  assert.equal(loaded.problems[0]!.hint, 'did you mean "proc-unmasked"?');
  assert.equal(loaded.problems[1]!.found, "one -> two -> three -> one");
  assert.deepEqual(idsOf(loaded), ["five"]);
});

test("overrides of files count in their order, and the configuration has the last word", (t) => {
  const { rules, lines, exceptions } = load(
    t,
    {
      "a.yaml":
        "overrides:\n  - {rule: proc-unmasked, enabled: false}\n  - {rule: ns-enter-host, severity: low}\n",
      "b.yaml":
        "overrides:\n  - {rule: proc-unmasked, enabled: true, severity: high}\n  - {rule: proc-unmaskd, enabled: false}\n" +
        "  - {exception: kube-proxy, enabled: false}\n  - {exception: image-builders, enabled: true}\n",
    },
    { overrides: { disable: ["proc-default-gaps"], severity: { "ns-enter-host": "info" } } },
  );
  assert.deepEqual(lines, ['b.yaml:3:12: there is no rule "proc-unmaskd"']);
  assert.deepEqual(rules.overrides, {
    disable: ["proc-default-gaps"],
    severity: { "ns-enter-host": "info", "proc-unmasked": "high" },
  });
  const enabled = new Set(rules.exceptions.map(({ name }) => name));
  assert.deepEqual([enabled.has("kube-proxy"), enabled.has("image-builders")], [false, true]);
  assert.ok(exceptions.some(({ name }) => name === "kube-proxy"));
});

test("a configuration that names a rule which could not be read does not stop the agent; one that names none does", (t) => {
  const overrides = { disable: ["mine"], severity: {} };
  const { lines, rules } = load(
    t,
    { "a.yaml": `rules:\n${ruleText("mine", { condition: "x" })}` },
    { overrides },
  );
  assert.deepEqual(lines, [
    'a.yaml:6:16: there is no field "x" for calls of openat',
    'rules: there is no rule "mine"',
  ]);
  assert.deepEqual(rules.overrides.disable, []);
  assert.throws(() => load(t, {}, { overrides }), { code: "KEYHOLE_RULE_UNKNOWN" });
});

test("a directory that was named has to be there; the usual one need not", () => {
  const { problems, rules } = loadRuleSet({ directory: "/nonexistent/rules.d", overrides: NO_OVERRIDES });
  assert.deepEqual(problems, [
    { where: "/nonexistent/rules.d", what: "the directory of rules cannot be read", found: "ENOENT" },
  ]);
  assert.ok(allRules(rules).length > 20);
});
