import assert from "node:assert/strict";
import { test } from "node:test";
import { callerPath } from "../../src/mounts/caller-path.js";

const CASES: readonly (readonly [path: string | null, base: string | null, expected: string | null])[] = [
  ["/a/b", null, "/a/b"],
  ["/a/b", "/base", "/a/b"],
  ["//a/./b/", null, "/a/b"],
  ["/", null, "/"],
  ["/..", null, "/"],
  ["/../../a", null, "/a"],
  ["a", "/base", "/base/a"],
  [".", "/base", "/base"],
  ["", "/base", "/base"],
  ["", "/", "/"],
  ["../a", "/base/dir", "/base/a"],
  ["../../../a", "/base/dir", "/a"],
  // `dir` may be a symbolic link
  ["dir/../a", "/base", null],
  ["/dir/..", null, null],
  ["a", null, null],
  [null, "/base", null],
  ["/proc/self/fd/7", "/opened", "/opened"],
  ["/proc/thread-self/fd/7", "/opened", "/opened"],
  ["/proc/self/fd/7/sub/.", "/opened", "/opened/sub"],
  ["/proc/self/fd/7/..", "/opened/dir", "/opened"],
  ["/proc/self/fd/7", null, null],
  ["/proc/self/fd/", "/opened", "/proc/self/fd"],
  ["/proc/self/fd/7th", "/opened", "/proc/self/fd/7th"],
  ["/proc/self/fdinfo/7", "/opened", "/proc/self/fdinfo/7"],
  ["/proc/1/fd/7", "/opened", "/proc/1/fd/7"],
  ["a\nb", "/ba se", "/ba se/a\nb"],
];

for (const [path, base, expected] of CASES) {
  test(`${JSON.stringify(path)} from ${JSON.stringify(base)} is ${JSON.stringify(expected)}`, () => {
    assert.equal(callerPath(path, base), expected);
  });
}
