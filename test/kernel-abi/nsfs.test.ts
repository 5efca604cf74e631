import assert from "node:assert/strict";
import { readlinkSync, statSync } from "node:fs";
import { test } from "node:test";
import { NS_TYPES } from "../../src/kernel/links.js";
import {
  listMountNamespaces,
  mountCount,
  mountNamespaceId,
  mountNamespaceInfo,
  namespaceId,
  nsType,
  openOwner,
  openParent,
  ownerUid,
  pidInPidns,
  readNamespaceLink,
  withNamespace,
} from "../../src/kernel/nsfs.js";
import { nsfsSupport } from "../../src/kernel/nsfs-support.js";

const own = (type: string): string => `/proc/self/ns/${type}`;

test("knows the type of each namespace and its inode number", () => {
  for (const type of NS_TYPES) {
    assert.deepEqual(withNamespace(own(type), nsType), { ok: true, value: type });
    assert.deepEqual(readNamespaceLink(own(type)), { ok: true, value: statSync(own(type)).ino });
    assert.equal(readlinkSync(own(type)), `${type}:[${statSync(own(type)).ino}]`);
  }
});

test("tells why a namespace could not be asked", () => {
  assert.deepEqual(readNamespaceLink("/proc/4194305/ns/mnt"), { ok: false, errno: "ENOENT" });
  assert.deepEqual(readNamespaceLink("/proc/self/exe"), { ok: false, errno: "EINVAL" });
  assert.deepEqual(withNamespace(own("uts"), openParent), { ok: false, errno: "EINVAL" });
  assert.deepEqual(withNamespace(own("uts"), ownerUid), { ok: false, errno: "EINVAL" });
  assert.deepEqual(withNamespace("/proc/self/status", nsType), { ok: false, errno: "ENOTTY" });
  assert.deepEqual(withNamespace(own("user"), openOwner), { ok: false, errno: "EPERM" });
});

test("gives one id to a namespace, another to each other one, where the kernel has ids", () => {
  const supported = (name: string): boolean => nsfsSupport().find((entry) => entry.name === name)!.supported;
  const ids = NS_TYPES.map((type) => withNamespace(own(type), namespaceId));
  if (supported("NS_GET_ID")) {
    const values = ids.map((id) => (id.ok ? id.value : id.errno));
    assert.equal(new Set(values).size, NS_TYPES.length);
    assert.ok(values.every((value) => typeof value === "bigint" && value > 0n));
    assert.deepEqual(withNamespace(own("mnt"), mountNamespaceId), ids[0]);
  } else {
    assert.deepEqual(new Set(ids.map((id) => (id.ok ? "id" : id.errno))), new Set(["ENOTTY"]));
  }
});

test("a pid in one's own pid namespace is itself", () => {
  const inside = withNamespace(own("pid"), (fd) => pidInPidns(fd, process.pid));
  const supported = nsfsSupport().find(({ name }) => name === "NS_GET_PID_IN_PIDNS")!.supported;
  assert.deepEqual(inside, supported ? { ok: true, value: process.pid } : { ok: false, errno: "ENOTTY" });
});

test("lists the mount namespaces of the node, the own among them, with what each holds", () => {
  const supported = nsfsSupport().find(({ name }) => name === "NS_MNT_GET_INFO")!.supported;
  const own = withNamespace("/proc/self/ns/mnt", mountNamespaceInfo);
  const listed = listMountNamespaces();
  if (!supported) {
    assert.deepEqual([own, listed], [ENOTTY, ENOTTY]);
    return;
  }
  assert.ok(own.ok);
  assert.deepEqual(withNamespace("/proc/self/ns/mnt", mountCount), { ok: true, value: own.value.mounts });
  assert.deepEqual(withNamespace("/proc/self/ns/uts", mountNamespaceInfo), { ok: false, errno: "EINVAL" });
  // from another pid namespace the kernel does not walk
  if (!listed.ok) return assert.equal(listed.errno, "EPERM");
  assert.equal(listed.value.filter(({ id }) => id === own.value.id).length, 1);
  assert.equal(new Set(listed.value.map(({ id }) => id)).size, listed.value.length);
});

const ENOTTY = { ok: false, errno: "ENOTTY" };
