import assert from "node:assert/strict";
import { test } from "node:test";
import { type BpfObject, LibbpfError, loadLibbpf, possibleCpus } from "../../src/index.js";
import { compile, integer, u32, u64 } from "../fixture.js";

const fixture = compile("fixture");
const libbpf = loadLibbpf();
const BPF_NOEXIST = 1n;
const BPF_EXIST = 2n;

function loaded(prepare: (object: BpfObject) => void = () => {}): BpfObject {
  const object = libbpf.open(fixture);
  prepare(object);
  object.load();
  return object;
}

function fails(errno: string | null, message: RegExp): (error: unknown) => boolean {
  return (error) =>
    error instanceof LibbpfError &&
    error.code === "LIBBPF_MAP" &&
    error.errno === errno &&
    message.test(error.message);
}

test("a hash keeps, replaces, lists and deletes elements", () => {
  using object = loaded();
  const hash = object.map("hash");
  assert.equal(hash.lookup(u32(1)), null);
  for (const key of [1, 2, 3]) hash.update(u32(key), u64(BigInt(key) << 40n), BPF_NOEXIST);
  assert.deepEqual(hash.lookup(u32(2)), u64(2n << 40n));
  hash.update(u32(2), u64(5n), BPF_EXIST);
  assert.deepEqual(hash.lookup(u32(2)), u64(5n));
  const keys = [...hash.keys()];
  assert.deepEqual(keys.map(integer).sort(), [1, 2, 3]);
  assert.equal(hash.delete(u32(2)), true);
  assert.equal(hash.delete(u32(2)), false);
  assert.equal(hash.lookup(u32(2)), null);
  assert.deepEqual([...hash.keys()].map(integer).sort(), [1, 3]);
  assert.throws(() => hash.update(u32(1), u64(0n), BPF_NOEXIST), fails("EEXIST", /update of the map hash/));
  assert.throws(() => hash.update(u32(9), u64(0n), BPF_EXIST), fails("ENOENT", /update of the map hash/));
});

test("setMaxEntries is the bound that the kernel keeps", () => {
  using object = loaded((opened) => opened.map("hash").setMaxEntries(2));
  const hash = object.map("hash");
  assert.equal(hash.maxEntries, 2);
  hash.update(u32(1), u64(1n));
  hash.update(u32(2), u64(1n));
  assert.throws(() => hash.update(u32(3), u64(1n)), fails("E2BIG", /update of the map hash/));
  assert.throws(() => hash.setMaxEntries(3), /already loaded/);
});

test("keys and values of the wrong size never reach the kernel", () => {
  using object = loaded();
  const hash = object.map("hash");
  assert.throws(() => hash.lookup(u64(1n)), fails(null, /a key of hash has 4 bytes, not 8/));
  assert.throws(() => hash.delete(new Uint8Array(0)), fails(null, /a key of hash has 4 bytes, not 0/));
  assert.throws(() => hash.update(u32(1), u32(1)), fails(null, /a value of hash has 8 bytes, not 4/));
  assert.throws(
    () => object.map("per_cpu").update(u32(0), u32(1)),
    fails(null, /a value of per_cpu has \d+ bytes/),
  );
});

test("an array has all its elements from the start, and no others", () => {
  using object = loaded();
  const array = object.map("shared");
  assert.deepEqual([...array.keys()].map(integer), [0, 1, 2]);
  assert.deepEqual(array.lookup(u32(2)), u32(0));
  assert.equal(array.lookup(u32(3)), null);
  assert.throws(() => array.delete(u32(0)), fails("EINVAL", /delete from the map shared/));
});

test("a per-CPU map has a value for each possible processor", () => {
  using object = loaded();
  const perCpu = object.map("per_cpu");
  const values = Uint8Array.from({ length: 8 * possibleCpus() }, (_, index) =>
    index % 8 === 0 ? index / 8 + 100 : 0,
  );
  perCpu.update(u32(0), values);
  assert.deepEqual(perCpu.lookup(u32(0)), values);
  for (let i = 0; i < 10; i++) object.program("feed").testRun([0n, 0n]);
  const after = new BigUint64Array(perCpu.lookup(u32(0))?.buffer ?? new ArrayBuffer(0));
  const before = new BigUint64Array(values.buffer);
  const sum = (words: BigUint64Array): bigint => words.reduce((total, word) => total + word, 0n);
  assert.equal(sum(after) - sum(before), 10n);
});

test("a mapped array is the array itself, and outlives the object", () => {
  const object = loaded();
  const array = object.map("shared");
  const memory = array.mmap();
  assert.equal(memory.byteLength % 4096, 0);
  const words = new Uint32Array(memory);
  array.update(u32(1), u32(7));
  assert.equal(words[2], 7);
  words[4] = 9;
  assert.deepEqual(array.lookup(u32(2)), u32(9));
  assert.throws(() => object.map("hash").mmap(), fails("ENOTSUPP", /mapping the map hash/));
  object.close();
  words[0] = 3;
  assert.deepEqual([...words.subarray(0, 6)], [3, 0, 7, 0, 9, 0]);
});
