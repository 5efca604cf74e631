import assert from "node:assert/strict";
import { test } from "node:test";
import type { MountRecord } from "../../src/capture/mount-fields.js";
import { MountClaims } from "../../src/mounts/claims.js";

/** The newest mount of a namespace: `id`, after the one with `before`. */
function newest(id: bigint, before: bigint, more: Partial<MountRecord> = {}): MountRecord {
  return {
    ...{ id, before, object: 0xffffn, nsId: 7n, ns: 4026532000, oldId: 30, parent: 20 },
    ...{ flags: 0, sbFlags: 0, mounts: 9, mountPoint: "/mnt", root: "/" },
    ...more,
  };
}

const asked = (target: string | null, rewritable = false) => ({ target, rewritable });

test("the first call in a namespace made the newest mount if that is where it was wanted", () => {
  const first = (target: string | null, rewritable: boolean) =>
    new MountClaims().take({ mount: newest(10n, 9n), ...asked(target, rewritable) });
  assert.equal(first("/mnt", false), true);
  assert.equal(first("/elsewhere", false), false);
  assert.equal(first(null, false), false);
  // the place that was read need not be the one that was asked for
  assert.equal(first("/mnt", true), false);
});

test("a later call made the only mount that has come since, wherever it was wanted", () => {
  const claims = new MountClaims();
  claims.take({ mount: newest(10n, 9n), ...asked("/mnt") });
  assert.equal(claims.take({ mount: newest(15n, 10n), ...asked("/link", true) }), true);
  assert.equal(claims.take({ mount: newest(16n, 15n), ...asked(null) }), true);
});

test("of two that have come since, no call is said to have made either", () => {
  const claims = new MountClaims();
  claims.take({ mount: newest(10n, 9n), ...asked("/mnt") });
  // 11 and 12 are by two calls that return one after the other
  assert.equal(claims.take({ mount: newest(12n, 11n), ...asked("/mnt") }), false);
  assert.equal(claims.take({ mount: newest(12n, 11n), ...asked("/mnt") }), false);
  assert.equal(claims.take({ mount: newest(13n, 12n), ...asked("/mnt") }), true);
});

test("a call whose own mount has an older id is not given the newest", () => {
  const claims = new MountClaims();
  claims.take({ mount: newest(10n, 9n), ...asked("/mnt") });
  // 11 was made before 12 and attached after it
  assert.equal(claims.take({ mount: newest(12n, 10n), ...asked("/mnt") }), true);
  assert.equal(claims.take({ mount: newest(12n, 11n), ...asked("/mnt") }), false);
});

test("a mount that another kind of call brought is nobody's", () => {
  const claims = new MountClaims();
  claims.take({ mount: newest(10n, 9n), ...asked("/mnt") });
  claims.note(newest(11n, 0n));
  assert.equal(claims.take({ mount: newest(11n, 10n), ...asked("/mnt") }), false);
  assert.equal(claims.take({ mount: newest(12n, 11n), ...asked("/mnt") }), true);
  // one with an old id moved: the newest stays the newest
  claims.note(newest(3n, 0n));
  assert.equal(claims.take({ mount: newest(12n, 11n), ...asked("/mnt") }), false);
});

test("what came before is not known where another task is about to add a mount", () => {
  const claims = new MountClaims();
  claims.take({ mount: newest(10n, 9n), ...asked("/mnt") });
  assert.equal(claims.take({ mount: newest(11n, 11n), ...asked("/mnt") }), false);
});

test("namespaces are told apart, also where one has the inode number of another", () => {
  const claims = new MountClaims();
  claims.take({ mount: newest(10n, 9n), ...asked("/mnt") });
  const other = { ns: 4026532001 };
  assert.equal(claims.take({ mount: newest(5n, 4n, other), ...asked("/mnt") }), true);
  assert.equal(claims.take({ mount: newest(6n, 5n, { nsId: 8n }), ...asked("/mnt") }), true);
  assert.equal(claims.take({ mount: newest(11n, 10n, { nsId: 0n }), ...asked("/mnt") }), false);
});

test("before 6.8 the place tells, and the number of mounts where the place may not be true", () => {
  const claims = new MountClaims();
  const mount = (mounts: number) => newest(0n, 0n, { mounts });
  assert.equal(claims.take({ mount: mount(9), ...asked("/mnt", true) }), false);
  assert.equal(claims.take({ mount: mount(10), ...asked("/mnt", true) }), true);
  assert.equal(claims.take({ mount: mount(12), ...asked("/mnt", true) }), false);
  assert.equal(claims.take({ mount: mount(13), ...asked("/mnt") }), true);
  assert.equal(claims.take({ mount: mount(14), ...asked("/elsewhere") }), false);
});

test("the namespaces that are remembered are bounded, and counted", () => {
  const claims = new MountClaims();
  for (let ns = 0; ns < 4097; ns++) claims.take({ mount: newest(10n, 9n, { ns }), ...asked("/mnt") });
  assert.equal(claims.evictions, 1);
  // forgotten, so that this is the first call again
  assert.equal(claims.take({ mount: newest(11n, 10n, { ns: 0 }), ...asked(null) }), false);
  assert.equal(claims.take({ mount: newest(11n, 10n, { ns: 4096 }), ...asked(null) }), true);
});
