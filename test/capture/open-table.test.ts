import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  buildOpenTable,
  encodeStep,
  FMODE,
  filterOf,
  MAGIC,
  type OpenPattern,
  type OpenTable,
} from "../../src/capture/open-table.js";

/** What bpf/opens.h does with a path: the access at its end, 0 where the steps end before. */
function walk({ roots, steps }: OpenTable, magic: bigint, names: readonly string[]): number {
  const root = roots.find((one) => one.magic === magic);
  let [state, access] = [root?.state ?? 0, 0];
  for (const name of names) {
    const step =
      steps.find((one) => one.state === state && one.name === name) ??
      steps.find((one) => one.state === state && one.name === "");
    if (step === undefined) return 0;
    [state, access] = [step.next, step.access & 3];
  }
  return access;
}

const pattern = (path: string, access: number): OpenPattern => ({
  start: "sysfs",
  names: path.split("/"),
  access,
});

describe("the table of paths", () => {
  const table = buildOpenTable([
    pattern("kernel/uevent_helper", FMODE.write),
    pattern("devices/system/cpu/cpu*/thermal/*", FMODE.read),
    pattern("devices/system/cpu/*/online", FMODE.write),
    pattern("kernel/mm/**", FMODE.write),
    pattern("kernel/mm/secret", FMODE.read),
    pattern("deep/**/agent", FMODE.write),
    pattern("any/**?/agent", FMODE.read),
  ]);
  const cases: readonly (readonly [string, number])[] = [
    ["kernel/uevent_helper", FMODE.write],
    ["kernel/uevent_helper/x", 0],
    ["kernel", 0],
    ["kernel/other", 0],
    ["devices/system/cpu/online", 0],
    ["devices/system/cpu/cpu0/online", FMODE.write],
    ["devices/system/cpu/cpu0/thermal/count", FMODE.read],
    ["devices/system/cpu/cpu0/thermal", 0],
    ["kernel/mm/a/b/c", FMODE.write],
    ["kernel/mm/secret", FMODE.read | FMODE.write],
    ["kernel/mm/secret/x", FMODE.write],
    ["kernel/mm", 0],
    ["deep/agent", 0],
    ["deep/a/agent", FMODE.write],
    ["deep/agent/agent", FMODE.write],
    ["deep/a/agent/b", 0],
    ["any/agent", FMODE.read],
    ["any/a/b/agent", FMODE.read],
    ["any/a/b", 0],
  ];
  for (const [path, access] of cases) {
    it(`leads over ${path} to ${access}`, () => {
      assert.equal(walk(table, MAGIC.sysfs, path.split("/")), access);
    });
  }

  it("has a root and a place in the filter for the file systems of its patterns alone", () => {
    assert.deepEqual(
      table.roots.map(({ magic, access }) => [magic, access & 3]),
      [[MAGIC.sysfs, FMODE.read | FMODE.write]],
    );
    assert.equal(filterOf(table.roots).filter((access) => access !== 0).length, 1);
  });

  it("says at each step whether any other name leads on", () => {
    const withDefault = new Set(table.steps.filter(({ name }) => name === "").map(({ state }) => state));
    for (const { next, access } of table.steps) assert.equal((access & 0x100) !== 0, withDefault.has(next));
  });

  it("takes no name that the kernel side has no room for", () => {
    const step = { state: 1, next: 2, access: 0 };
    assert.equal(encodeStep({ ...step, name: "a".repeat(39) }).key.length, 48);
    assert.throws(() => encodeStep({ ...step, name: "a".repeat(40) }), RangeError);
  });
});
