import assert from "node:assert/strict";
import { test } from "node:test";
import { compileCondition, type FieldTypes, type FieldValue } from "../../src/config/condition.js";
import { glob } from "../../src/config/glob.js";
import type { KeyholeError } from "../../src/errors.js";

const FIELDS: FieldTypes = new Map([
  ["pid", "int"],
  ["level", "int"],
  ["type", "string"],
  ["command", "string"],
  ["host", "bool"],
]);
const ROW: Readonly<Record<string, FieldValue>> = {
  pid: 4026531837,
  level: null,
  type: "net",
  command: 'sh -c "type"',
  host: false,
};

const holds = (text: string): boolean =>
  compileCondition(text, FIELDS, "--filter").holds((field) => ROW[field]!);

function refusal(text: string): Pick<KeyholeError, "code" | "message" | "expected" | "found" | "hint"> {
  let caught: unknown;
  assert.throws(
    () => compileCondition(text, FIELDS, "--filter"),
    (error) => {
      caught = error;
      return true;
    },
  );
  return caught as KeyholeError;
}

test("conditions over numbers, strings and truth", () => {
  for (const [text, expected] of [
    ["pid == 4026531837", true],
    ["pid in [1, 2]", false],
    ["pid > 4026531836 && !host", true],
    ["host || type == 'mnt'", false],
    ['type == "net"', true],
    ['command.contains("type")', true],
    ["command == 'sh -c \"type\"'", true],
    ["command.glob('sh * \"t*\"')", true],
    ["command.glob('sh')", false],
    ["type(pid) == int", true],
    ["['net', 'uts'].exists(one, one == type)", true],
  ] as const) {
    assert.equal(holds(text), expected, text);
  }
});

test("what is not known can be asked for, and makes what needs it not hold", () => {
  for (const [text, expected] of [
    ["level == null", true],
    ["null != level", false],
    ["level > 1", false],
    ["!(level > 1)", false],
    ["level == 1", false],
    ["level > 1 || type == 'net'", true],
    ["level == null || level > 1", true],
  ] as const) {
    assert.equal(holds(text), expected, text);
  }
});

test("says which fields it needs", () => {
  const { uses } = compileCondition(
    "type == 'net' && [1].exists(one, one == pid) || type(host) == bool",
    FIELDS,
    "x",
  );
  assert.deepEqual([...uses].sort(), ["host", "pid", "type"]);
});

test("a mistake is refused with its place and what was meant", () => {
  const misspelt = refusal("host ||\n  comand == 'x'");
  assert.equal(misspelt.code, "KEYHOLE_CONDITION");
  assert.equal(misspelt.message, "--filter:2:3: Unknown variable: comand");
  assert.equal(misspelt.found, `  comand == 'x'\n${" ".repeat(14)}^`);
  assert.equal(misspelt.hint, "did you mean command?");
  assert.equal(misspelt.expected, "one of pid, level, type, command, host");
  assert.match(refusal("pid == 'x'").message, /^--filter:1:1: no such overload: int == string/);
  assert.match(refusal("type > 3").message, /^--filter:1:1: no such overload: string > int/);
  assert.match(refusal("pid ==").message, /^--filter:1:7: /);
  assert.match(refusal("").message, /^--filter:1:1: /);
  assert.equal(refusal("pid").expected, "what is true or false");
  assert.match(refusal("shell('x')").message, /^--filter:1:1: /);
});

test("regular expressions, which a name could make last for ever, are refused wherever they stand", () => {
  for (const text of ["command.matches('(a+)+$')", "['a'].exists(one, one.matches(command))"]) {
    assert.match(refusal(text).message, /matches\(\) cannot be used/);
    assert.match(refusal(text).expected!, /glob/);
  }
});

test("a condition beyond what a person writes is refused", () => {
  assert.equal(refusal(`${"(".repeat(100)}host${")".repeat(100)}`).code, "KEYHOLE_CONDITION");
  assert.equal(refusal(Array(2000).fill("host").join(" || ")).code, "KEYHOLE_CONDITION");
});

test("glob stands for the whole text and needs few steps whatever is asked", () => {
  for (const [pattern, text, expected] of [
    ["", "", true],
    ["*", "", true],
    ["?", "", false],
    ["a*b*c", "aXbYbZc", true],
    ["a*b*c", "aXbYbZ", false],
    ["**", "abc", true],
    ["a?c", "abc", true],
    ["a.c", "abc", false],
    ["*.so", "lib.so", true],
    ["[a]", "a", false],
    ["*a", "aaab", false],
  ] as const) {
    assert.equal(glob(pattern, text), expected, `${pattern} ${text}`);
  }
  assert.equal(glob("*a".repeat(200), "a".repeat(20_000).concat("b")), false);
});
