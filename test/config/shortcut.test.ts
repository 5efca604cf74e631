import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { checkCondition, type FieldTypes, type FieldValue } from "../../src/config/condition.js";

const FIELDS: FieldTypes = new Map([
  ["ret", "int"],
  ["process.uid", "int"],
  ["process.exe", "string"],
  ["file.entry", "string"],
  ["file.access", "list"],
  ["file.foreign", "bool"],
]);

const text = fc.constantFrom('"a"', '"ab"', "'b'", '""');
const number = fc.constantFrom("0", "1", "-1", "7");
const int = fc.constantFrom("ret", "process.uid");
const string = fc.constantFrom("process.exe", "file.entry");

function mapped(parts: readonly fc.Arbitrary<string>[]): fc.Arbitrary<string> {
  return fc.tuple(...parts).map((words) => words.join(""));
}

const leaf = fc.oneof(
  mapped([int, fc.constantFrom(" == ", " != ", " < ", " <= ", " > ", " >= "), number]),
  mapped([number, fc.constantFrom(" == ", " != ", " < ", " <= ", " > ", " >= "), int]),
  mapped([string, fc.constantFrom(" == ", " != "), text]),
  mapped([text, fc.constantFrom(" == ", " != "), string]),
  mapped([fc.constantFrom("ret", "process.exe", "file.foreign"), fc.constantFrom(" == null", " != null")]),
  mapped([string, fc.constant(" in ["), text, fc.constant(", "), text, fc.constant("]")]),
  mapped([int, fc.constant(" in ["), number, fc.constant("]")]),
  mapped([text, fc.constant(" in file.access")]),
  mapped([
    string,
    fc.constantFrom(".startsWith(", ".endsWith(", ".contains(", ".glob("),
    text,
    fc.constant(")"),
  ]),
  fc.constant("file.foreign"),
  fc.constant("file.foreign == true"),
);

const { condition } = fc.letrec<{ condition: string }>((tie) => ({
  condition: fc.oneof(
    { depthSize: "small" },
    leaf,
    tie("condition").map((inner) => `!(${inner})`),
    fc
      .tuple(tie("condition"), fc.constantFrom("&&", "||"), tie("condition"))
      .map(([left, op, right]) => `(${left} ${op} ${right})`),
  ),
}));

const facts = fc.record({
  ret: fc.constantFrom(null, -1, 0, 1),
  "process.uid": fc.constantFrom(null, 0, 7),
  "process.exe": fc.constantFrom(null, "", "a", "ab", "b"),
  "file.entry": fc.constantFrom(null, "a", "b"),
  "file.access": fc.constantFrom(null, [], ["a"], ["b", "ab"]),
  "file.foreign": fc.constantFrom(null, true, false),
});

/** A condition that is as true, and that has to be interpreted. */
function slow(inner: string): string {
  return `(${inner} ? true : false)`;
}

test("a shortcut says what the interpreter says, also of what is not known", () => {
  fc.assert(
    fc.property(condition, facts, (source, values: Readonly<Record<string, FieldValue>>) => {
      const quick = checkCondition(source, FIELDS);
      const interpreted = checkCondition(slow(source), FIELDS);
      assert.ok("truth" in quick && "truth" in interpreted, source);
      const read = (field: string) => values[field]!;
      assert.equal(quick.truth(read), interpreted.truth(read), source);
      assert.deepEqual(quick.uses, interpreted.uses);
    }),
    { numRuns: 3000 },
  );
});

test("names with dots are fields, wherever they stand", () => {
  const holds = (source: string, values: Readonly<Record<string, FieldValue>>) => {
    const result = checkCondition(source, FIELDS);
    assert.ok("holds" in result, JSON.stringify(result));
    return result.holds((field) => values[field] ?? null);
  };
  const values = { "process.exe": "/bin/sh", "file.access": ["read", "write"], ret: 3 };
  for (const source of [
    "'write' in file.access",
    "file.access.exists(one, one.startsWith('wr'))",
    "size(file.access) == 2 && file.access.size() == 2",
    "process.exe.startsWith('/bin/')",
    "process.exe != 'process.exe'",
    "file.access == ['read', 'write']",
    "process.exe + 'x' == '/bin/shx'",
    "file.entry == null && file.foreign == null",
  ]) {
    assert.equal(holds(source, values), true, source);
  }
});

test("a misspelt name with dots is found where it stands, and what was meant is named", () => {
  const fault = checkCondition("ret >= 0 &&\n  file.acess == null", FIELDS);
  assert.deepEqual(fault, {
    what: "Unknown variable: file.acess",
    expected: "one of ret, process.uid, process.exe, file.entry, file.access, file.foreign",
    offset: 14,
    hint: "did you mean file.access?",
  });
  for (const [source, offset] of [
    ["ret == 1 && process.exe.length == 1", 12],
    ["proces.exe.startsWith('a')", 0],
    ["process == null", 0],
  ] as const) {
    const refused = checkCondition(source, FIELDS);
    assert.ok("what" in refused && refused.what.startsWith("Unknown variable: "), source);
    assert.equal(refused.offset, offset, source);
  }
});

test("lists hold strings", () => {
  const fault = checkCondition("1 in file.access", FIELDS);
  assert.ok("what" in fault);
  assert.match(fault.what, /no such overload: int in list<string>/);
});
