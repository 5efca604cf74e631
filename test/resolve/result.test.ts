import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { describeResult } from "../../src/resolve/result.js";

const RETURNED = { sigsys: false, killed: false };

describe("describeResult", () => {
  it("takes a value from 0 on for the result", () => {
    assert.deepEqual(describeResult(0n, RETURNED), { ret: 0 });
    assert.deepEqual(describeResult(4_194_304n, RETURNED), { ret: 4_194_304 });
  });

  it("names the errno of a failure", () => {
    assert.deepEqual(describeResult(-16n, RETURNED), { ret: -16, errno: "EBUSY" });
  });

  it("does not take a restart of the kernel's own for a result", () => {
    assert.deepEqual(describeResult(-512n, RETURNED), { ret: null, outcome: { restarted: "ERESTARTSYS" } });
  });

  it("does not take the number that seccomp leaves in the register for a descriptor", () => {
    const { ret, errno, outcome } = describeResult(430n, { ...RETURNED, sigsys: true });
    assert.equal(ret, null);
    assert.equal(errno, undefined);
    assert.match(outcome?.seccomp ?? "", /SECCOMP_RET_/);
  });
});
