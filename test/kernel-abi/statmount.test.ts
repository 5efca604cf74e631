import assert from "node:assert/strict";
import { test } from "node:test";
import { mountNamespaceId, withNamespace } from "../../src/kernel/nsfs.js";
import {
  listMounts,
  STATMOUNT_MNT_BASIC,
  STATMOUNT_MNT_POINT,
  STATMOUNT_SB_BASIC,
  statMount,
  statmountMask,
} from "../../src/kernel/statmount.js";

const own = withNamespace("/proc/self/ns/mnt", mountNamespaceId);
const NEEDS_IDS = statmountMask() === 0 ? "needs the statmount(2) of Linux 6.11" : false;

test("lists the mounts of a namespace by ascending id and tells of each", { skip: NEEDS_IDS }, () => {
  assert.ok(own.ok);
  const listed = listMounts(own.value);
  assert.ok(listed.ok && listed.value.length > 0);
  assert.deepEqual(
    [...new Set(listed.value)].sort((a, b) => a - b),
    listed.value,
  );
  for (const id of listed.value) {
    const stat = statMount(own.value, id, STATMOUNT_SB_BASIC | STATMOUNT_MNT_BASIC | STATMOUNT_MNT_POINT);
    assert.ok(stat.ok);
    assert.equal(stat.value.uniqueId, id);
    assert.match(stat.value.dev, /^\d+:\d+$/);
    assert.match(stat.value.point, /^\//);
    // what was not asked for is not there
    assert.equal(stat.value.fsType, "");
    assert.deepEqual(stat.value.uidMap, []);
  }
});

test("tells what is not there", { skip: NEEDS_IDS }, () => {
  assert.ok(own.ok);
  const none = 2 ** 52;
  const ENOENT = { ok: false, errno: "ENOENT" };
  assert.deepEqual(statMount(own.value, none, STATMOUNT_MNT_BASIC), ENOENT);
  assert.deepEqual(listMounts(BigInt(none)), ENOENT);
  assert.deepEqual(statMount(own.value, 1, STATMOUNT_MNT_BASIC), { ok: false, errno: "EINVAL" });
});
