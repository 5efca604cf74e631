import assert from "node:assert/strict";
import { test } from "node:test";
import { alignTable } from "../../src/publish/table.js";

const COLUMNS = [{ name: "NS" }, { name: "NPROCS", right: true }, { name: "COMMAND" }];

test("columns are as wide as their widest cell, numbers at the right, the last one as it is", () => {
  const { header, lines } = alignTable(COLUMNS, [
    ["10", "1", "init"],
    ["└─4026531837", "12345678", ""],
  ]);
  assert.deepEqual(
    [header, ...lines],
    ["NS             NPROCS COMMAND", "10                  1 init", "└─4026531837 12345678 "],
  );
});

test("a character beyond the first plane counts once", () => {
  const { lines } = alignTable(COLUMNS, [
    ["𐌀", "1", "a"],
    ["bb", "1", "b"],
  ]);
  assert.deepEqual(lines, ["𐌀       1 a", "bb      1 b"]);
});

test("without a header columns need no room for its names", () => {
  assert.deepEqual(alignTable(COLUMNS, [["1", "2", "3"]], { headed: false }), {
    header: "",
    lines: ["1 2 3"],
  });
  assert.deepEqual(alignTable(COLUMNS, []).lines, []);
});
