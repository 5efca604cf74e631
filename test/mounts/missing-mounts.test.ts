import assert from "node:assert/strict";
import { test } from "node:test";
import { isOnHiddenRoot, missingMounts, reasonOfMissing } from "../../src/mounts/missing-mounts.js";
import { mounts } from "./mountinfo-text.js";

const PROC = "30 20 0:4 / /proc rw - proc proc rw";
/** What the initramfs of a host leaves: its root lies below the host's, and is not in the table. */
const COVERING = mounts("20 1 0:2 / / rw - ext4 /dev/vda rw", PROC);
/** A host that lives in its initramfs. */
const ROOTFS = mounts("20 20 0:2 / / rw - rootfs rootfs rw", PROC);

test("the root of the namespace is not counted by the kernel, whether it is seen or not", () => {
  assert.equal(missingMounts(COVERING, 2), 0);
  assert.equal(missingMounts(ROOTFS, 1), 0);
  assert.equal(missingMounts(COVERING, 5), 3);
  assert.equal(missingMounts(ROOTFS, 5), 5 - 2 + 1);
  assert.equal(missingMounts(COVERING, 1), -1);
});

test("what is below the root is not to be seen where the root has a parent that is not in the table", () => {
  assert.equal(isOnHiddenRoot(COVERING), true);
  assert.equal(isOnHiddenRoot(ROOTFS), false);
  assert.equal(isOnHiddenRoot(mounts(PROC)), false);
  const stacked = mounts("20 20 0:2 / / rw - rootfs rootfs rw", "21 20 0:3 / / rw - ext4 /dev/vda rw");
  assert.equal(isOnHiddenRoot(stacked), false);
});

test("a table that lacks something says why", () => {
  assert.equal(reasonOfMissing(COVERING, 0, false), null);
  assert.equal(reasonOfMissing(COVERING, 3, false), "seen from a chroot(2): 2 of 5 mounts");
  assert.equal(reasonOfMissing(COVERING, null, false), "seen from a chroot(2)");
  assert.equal(reasonOfMissing(COVERING, 1, true), "not all can be reached from the root: 2 of 3 mounts");
  assert.equal(reasonOfMissing(COVERING, null, true), null);
  assert.match(reasonOfMissing(COVERING, null, null) ?? "", /is not known$/);
});
