import assert from "node:assert/strict";
import { constants } from "node:fs";
import { describe, it } from "node:test";
import { openFlagNames, takesMode } from "../../src/kernel/open-flags.js";

describe("the flags of open(2)", () => {
  for (const name of [
    ...["O_WRONLY", "O_RDWR", "O_CREAT", "O_EXCL", "O_NOCTTY", "O_TRUNC", "O_APPEND", "O_NONBLOCK", "O_SYNC"],
    ...["O_DSYNC", "O_DIRECTORY", "O_NOFOLLOW", "O_NOATIME", "O_DIRECT"],
  ] as const) {
    it(`has ${name} as this system's headers do`, () => {
      const names = openFlagNames(BigInt(constants[name]));
      assert.ok(names.includes(name), names.join("|"));
      assert.deepEqual(
        names.filter((one) => one !== "O_RDONLY"),
        [name],
      );
    });
  }

  it("names how a file is opened first, and unknown bits last", () => {
    assert.deepEqual(openFlagNames(0n), ["O_RDONLY"]);
    assert.deepEqual(openFlagNames(3n), ["0x3"]);
    assert.deepEqual(openFlagNames(0x8000_0000n | 0o2000102n), [
      "O_RDWR",
      "O_CREAT",
      "O_CLOEXEC",
      "0x80000000",
    ]);
  });

  it("says whether the mode counts", () => {
    assert.equal(takesMode(BigInt(constants.O_CREAT)), true);
    assert.equal(takesMode(BigInt(constants.O_DIRECTORY)), false);
    assert.equal(takesMode(BigInt(constants.O_DIRECTORY) | 0o20000000n), true);
  });
});
