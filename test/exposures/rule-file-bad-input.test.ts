import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseRuleDocument } from "../../src/exposures/rule-document.js";
import { compileDocuments } from "../../src/exposures/rule-files.js";
import { DETECTORS } from "../../src/exposures/rule-set.js";
import { atOnce } from "../../src/exposures/slices.js";

function problemsOf(value: unknown): readonly { readonly where: string; readonly what: string }[] {
  const document = atOnce(parseRuleDocument("/a.yaml", JSON.stringify(value, null, 1)));
  return atOnce(compileDocuments([document], [], DETECTORS)).problems;
}

const words = fc.constantFrom(
  ..."rule-1 proc-unmasked call story container openat setns proc ret >= 0 ret file.entry process.exe {process.pid} { }".split(
    " ",
  ),
  ...[
    "ret >= 0",
    "a && b",
    "b",
    "!a",
    "'x' in args.flags",
    "process.exe.matches('a')",
    "(",
    "\u202e",
    "__proto__",
  ],
  ...[
    "critical",
    "low",
    "nothing",
    "=",
    "in",
    "glob",
    "https://a",
    "mitre:T1",
    "opens",
    "a",
    "",
    "{ret",
    "\n",
  ],
);
const anything = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    words,
    fc.constantFrom(null, true, false, 0, -1, 1.5),
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(words, tie("value"), { maxKeys: 3 }),
  ),
})).value;

/** An object with some of the keys that are known, and whatever values. */
function some(keys: string): fc.Arbitrary<object> {
  const entries = keys.split(" ").map((key) => [key, anything] as const);
  return fc.record(Object.fromEntries(entries), { requiredKeys: [] });
}

const RULE = {
  id: "rule-1",
  title: "T",
  on: "call",
  syscalls: ["openat"],
  condition: "ret >= 0",
  severity: "low",
  evidence: "e",
  description: "d",
  remediation: "r",
};
const EXCEPTION = { name: "a", rules: ["proc-unmasked"], description: "d", fields: "process.exe" };
const rule = some(
  "id title on syscalls filesystems condition severity evidence check description subsumes needs tests",
);

const file = fc.record(
  {
    macros: fc.oneof(anything, fc.dictionary(words, words)),
    rules: fc.oneof(
      anything,
      fc.array(
        fc.oneof(
          rule,
          rule.map((keys) => ({ ...RULE, ...keys })),
        ),
        { maxLength: 3 },
      ),
    ),
    exceptions: fc.oneof(
      anything,
      fc.array(
        some("name rules description enabled fields comps values tests").map((keys) => ({
          ...EXCEPTION,
          ...keys,
        })),
        { maxLength: 2 },
      ),
    ),
    overrides: fc.oneof(anything, fc.array(some("rule enabled severity exception"), { maxLength: 2 })),
  },
  { requiredKeys: [] },
);

test("whatever stands in a file of rules is used or told with its place, and never thrown", () => {
  fc.assert(
    fc.property(file, (value) => {
      for (const { where, what } of problemsOf(value)) {
        assert.match(where, /^\/a\.yaml:\d+:\d+$/);
        assert.notEqual(what, "");
      }
    }),
    { numRuns: 400 },
  );
});

test("of many mistakes in the syntax some are told, and the others counted", () => {
  const text = Array.from({ length: 9 }, (_, index) => `a${index}: [`).join("\n");
  const problems = atOnce(parseRuleDocument("/a.yaml", text)).problems;
  assert.equal(problems.length, 6);
  assert.match(problems[5]!.what, /^\d+ more mistakes/);
});

test("what the property builds on is right itself", () => {
  assert.deepEqual(problemsOf({ macros: { m: "ret == 0" }, rules: [RULE], exceptions: [EXCEPTION] }), []);
});

test("names of CEL and of fields are no names for macros", () => {
  const names = "cel math google strings type int size true in ret process args __proto__ A 1a a-b".split(
    " ",
  );
  const macros = JSON.parse(`{${names.map((name) => `"${name}":"ret == 0"`).join(",")}}`);
  const refused = problemsOf({ macros }).map(({ what }) => /"(.*)"/.exec(what)?.[1]);
  assert.deepEqual(refused.sort(), names.filter((name) => name !== "math").sort());
});
