import assert from "node:assert/strict";
import { constants } from "node:os";
import { test } from "node:test";
import { errnoName } from "../../src/kernel/errno.js";
import { ioctlValue, open } from "../../src/kernel/libc.js";

test("has every name that Node knows for Linux", () => {
  const aliases = new Map([
    ["EWOULDBLOCK", "EAGAIN"],
    ["ENOTSUP", "EOPNOTSUPP"],
  ]);
  const known = Object.entries(constants.errno);
  assert.ok(known.length > 70);
  for (const [name, number] of known) assert.equal(errnoName(number), aliases.get(name) ?? name);
});

test("names the numbers that only the kernel uses, of either sign, and keeps unknown ones", () => {
  assert.equal(errnoName(-512), "ERESTARTSYS");
  assert.equal(errnoName(516), "ERESTART_RESTARTBLOCK");
  assert.equal(errnoName(-524), "ENOTSUPP");
  assert.equal(errnoName(117), "EUCLEAN");
  assert.equal(errnoName(-4000), "E4000");
});

test("calls give the errno of the call itself", () => {
  assert.deepEqual(open("/nonexistent"), { ok: false, errno: "ENOENT" });
  assert.deepEqual(open("/dev/null/x"), { ok: false, errno: "ENOTDIR" });
  assert.deepEqual(ioctlValue(-1, 0), { ok: false, errno: "EBADF" });
});
