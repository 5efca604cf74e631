import assert from "node:assert/strict";
import { constants } from "node:os";
import { test } from "node:test";
import { errnoName, LibbpfError } from "../src/errors.js";

test("an errno has its name whichever sign it comes with", () => {
  for (const [name, number] of Object.entries(constants.errno)) {
    // Two of these numbers have two names, errno(3).
    const usual = { EWOULDBLOCK: "EAGAIN", ENOTSUP: "EOPNOTSUPP" }[name] ?? name;
    assert.equal(errnoName(number), usual);
    assert.equal(errnoName(-number), usual);
  }
});

test("what only the kernel or libbpf knows has a name too, and the rest its number", () => {
  assert.equal(errnoName(-524), "ENOTSUPP");
  assert.equal(errnoName(-4001), "LIBBPF_ERRNO__FORMAT");
  assert.equal(errnoName(-4013), "LIBBPF_ERRNO__NLPARSE");
  assert.equal(errnoName(-4014), "4014");
});

test("an error's message ends with its errno, if there is one", () => {
  const error = new LibbpfError("LIBBPF_MAP", "lookup in the map hash", { errno: -1, log: "libbpf: no" });
  assert.equal(error.message, "lookup in the map hash: EPERM");
  assert.deepEqual(
    [error.name, error.code, error.errno, error.log],
    ["LibbpfError", "LIBBPF_MAP", "EPERM", "libbpf: no"],
  );
  const plain = new LibbpfError("LIBBPF_STATE", "too early");
  assert.deepEqual([plain.message, plain.errno, plain.log], ["too early", null, ""]);
});
