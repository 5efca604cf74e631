import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { type Comparison, compares } from "../../src/exposures/comparison.js";
import type { FactValue } from "../../src/exposures/exception.js";
import { load } from "./rule-files.js";

test("comparisons, of which none fits what is not known", () => {
  const cases: readonly (readonly [FactValue, Comparison, never, boolean])[] = [
    ["/bin/sh", "=", "/bin/sh", true],
    ["/bin/sh", "!=", "/bin/ash", true],
    [0, "=", 0, true],
    [0, "=", "0", false],
    [false, "=", false, true],
    ["a", "in", ["b", "a"], true],
    [7, "in", [8], false],
    ["/usr/bin/x", "startswith", "/usr/", true],
    ["/usr/bin/x", "endswith", "/x", true],
    ["/usr/bin/x", "contains", "/bin/", true],
    ["/usr/bin/x", "glob", "/usr/*/x", true],
    ["/usr/bin/x", "glob", "/usr/*/y", false],
    [["runc", "containerd"], "in", ["containerd"], true],
    [["runc", "containerd"], "endswith", "d", true],
    [["runc", "containerd"], "!=", "sh", true],
    [["runc", "sh"], "!=", "sh", false],
    [[], "=", "sh", false],
  ].map((one) => one as never);
  for (const [value, comparison, operand, expected] of cases) {
    assert.equal(compares(value, comparison, operand), expected, `${value} ${comparison} ${operand}`);
    assert.equal(compares(null, comparison, operand), false, `null ${comparison} ${operand}`);
  }
});

const HEAD = "exceptions:\n  - name: mine\n    rules: [ns-enter-host]\n    description: Ours.\n";

function loadOne(t: TestContext, rest: string) {
  const { exceptions, ...loaded } = load(t, { "a.yaml": HEAD + rest });
  const mine = exceptions.find(({ name }) => name === "mine");
  const spares = (facts: Readonly<Record<string, FactValue>>) =>
    mine!.matches((field) => facts[field] ?? null);
  return { ...loaded, mine, spares };
}

test("an exception spares what one of its rows fits in all fields", (t) => {
  const { lines, spares } = loadOne(
    t,
    "    fields: [process.exe, container.pod.namespace]\n    comps: [in, startswith]\n" +
      "    values:\n      - [[/a, /b], kube]\n      - [[/c], shop]\n",
  );
  assert.deepEqual(lines, []);
  assert.equal(spares({ "process.exe": "/b", "container.pod.namespace": "kube-system" }), true);
  assert.equal(spares({ "process.exe": "/c", "container.pod.namespace": "kube-system" }), false);
  assert.equal(spares({ "process.exe": "/b" }), false);
});

test("a single field can be written as a word, and without values nothing is spared", (t) => {
  const single = loadOne(t, "    fields: process.exe\n    comps: glob\n    values: [/opt/*, /srv/*]\n");
  assert.equal(single.spares({ "process.exe": "/srv/x" }), true);
  assert.equal(single.spares({ "process.exe": "/usr/x" }), false);
  const empty = loadOne(t, "    fields: process.exe\n");
  assert.deepEqual(empty.lines, []);
  assert.equal(empty.spares({ "process.exe": "/srv/x" }), false);
});

test("what is wrong with an exception is told with its place, and the others are used", (t) => {
  const wrong = (rest: string) =>
    loadOne(
      t,
      `${rest}  - name: other\n    rules: [ns-enter-host]\n    description: x\n    fields: process.exe\n`,
    );
  for (const [rest, line, hint] of [
    [
      "    fields: proces.exe\n",
      '5:13: there is no field "proces.exe" that all of its rules have',
      "process.exe",
    ],
    ["    fields: [process.exe, place.readonly]\n", '5:27: there is no field "place.readonly"', ""],
    [
      "    fields: [process.exe]\n    comps: [in, in]\n",
      "6:5: there is not one comparison for each field",
      "",
    ],
    ["    fields: [process.exe]\n    comps: [is]\n", "6:12: comps is not valid", ""],
    ["    fields: [process.exe, ret]\n    values: [[/a]]\n", "6:14: this row has not one value", ""],
    ["    fields: process.uid\n    comps: startswith\n    values: [0]\n", "7:14: process.uid cannot be", ""],
    ["    fields: process.uid\n    values: ['0']\n", "6:14: process.uid cannot be compared so", ""],
    ["    fields: process.exe\n    comps: in\n    values: [/a]\n", "7:14: process.exe cannot be", ""],
  ] as const) {
    const { lines, problems, mine, rules } = wrong(rest);
    assert.equal(lines.length, 1, lines.join("\n"));
    assert.ok(lines[0]!.startsWith(`a.yaml:${line}`), lines[0]);
    if (hint !== "") assert.match(problems[0]!.hint!, new RegExp(hint));
    assert.equal(mine, undefined);
    assert.ok(rules.exceptions.some(({ name }) => name === "other"));
  }
});

test("an exception for rules of two kinds can name what both have", (t) => {
  const text = (field: string) =>
    `exceptions:\n  - name: mine\n    rules: [ns-enter-host, proc-unmasked]\n    description: x\n    fields: ${field}\n`;
  assert.deepEqual(load(t, { "a.yaml": text("container.name") }).lines, []);
  assert.deepEqual(load(t, { "a.yaml": text("place") }).lines, []);
  assert.equal(load(t, { "a.yaml": text("args.nstype") }).lines.length, 1);
});

test("of two exceptions with one name the first is used; one for a rule that does not exist is refused", (t) => {
  const { lines, problems } = load(t, {
    "a.yaml":
      "exceptions:\n  - {name: kube-proxy, rules: [proc-unmasked], description: x, fields: process.exe}\n" +
      "  - {name: other, rules: [proc-unmaskd], description: x, fields: process.exe}\n",
  });
  assert.deepEqual(lines, [
    'a.yaml:2:12: there are two exceptions "kube-proxy"',
    'a.yaml:3:27: there is no rule "proc-unmaskd"',
  ]);
  assert.equal(problems[1]!.hint, 'did you mean "proc-unmasked"?');
});
