import assert from "node:assert/strict";
import { test } from "node:test";
import { InternTable } from "../../src/kernel/intern.js";

test("makes the value of a text once", () => {
  const table = new InternTable<object>(4, 10);
  const made: string[] = [];
  const get = (text: string) =>
    table.get(text, (own) => {
      made.push(own);
      return {};
    });
  assert.equal(get("a"), get("a"));
  assert.notEqual(get("a"), get("b"));
  assert.deepEqual(made, ["a", "b"]);
});

test("forgets what was not asked for while it filled up twice, and nothing else", () => {
  const table = new InternTable<object>(4, 10);
  const get = (text: string) => table.get(text, () => ({}));
  const [often, once] = [get("often"), get("once")];
  for (let n = 0; n < 100; n++) {
    get(`${n}`);
    assert.equal(get("often"), often);
    assert.ok(table.size <= 8);
  }
  assert.notEqual(get("once"), once);
});

test("keeps no long text", () => {
  const table = new InternTable<object>(4, 3);
  const get = (text: string) => table.get(text, () => ({}));
  assert.notEqual(get("long"), get("long"));
  assert.equal(table.size, 0);
});

test("keeps every byte", () => {
  const table = new InternTable<string>(4, 300);
  const text = String.fromCharCode(...Array.from({ length: 256 }, (_, byte) => byte));
  assert.equal(
    table.get(text, (own) => own),
    text,
  );
});
