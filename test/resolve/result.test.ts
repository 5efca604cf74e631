import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { describeResult } from "../../src/resolve/result.js";

describe("describeResult", () => {
  it("takes a value from 0 on for the result", () => {
    assert.deepEqual(describeResult(0n, false), { ret: 0 });
    assert.deepEqual(describeResult(4_194_304n, false), { ret: 4_194_304 });
  });

  it("names the errno of a failure", () => {
    assert.deepEqual(describeResult(-16n, false), { ret: -16, errno: "EBUSY" });
  });

  it("does not take a restart of the kernel's own for a result", () => {
    assert.deepEqual(describeResult(-512n, false), { ret: null, outcome: { restarted: "ERESTARTSYS" } });
  });

  it("does not take the number that seccomp leaves in the register for a descriptor", () => {
    const { ret, errno, outcome } = describeResult(430n, true);
    assert.equal(ret, null);
    assert.equal(errno, undefined);
    assert.match(outcome?.seccomp ?? "", /SECCOMP_RET_/);
  });
});
