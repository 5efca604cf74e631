import assert from "node:assert/strict";
import { release } from "node:os";
import { test } from "node:test";
import { nsfsSupport } from "../../src/kernel/nsfs-support.js";
import { syscallSupport } from "../../src/kernel/syscall-support.js";

const [major = 0, minor = 0] = release().split(/[.-]/).map(Number);

/** Distributions add interfaces to older kernels, so that only the presence of what must be there is certain. */
test("finds every interface that a kernel of this version has", () => {
  const all = [...nsfsSupport(), ...syscallSupport()];
  assert.ok(all.length >= 16);
  for (const { name, since, supported, errno } of all) {
    const [sinceMajor = 0, sinceMinor = 0] = since.split(".").map(Number);
    const expected = major > sinceMajor || (major === sinceMajor && minor >= sinceMinor);
    if (expected) assert.ok(supported, `${name}, in Linux since ${since}: ${errno}`);
  }
});

test("does not find what no kernel of this version has", () => {
  const listns = syscallSupport().find(({ name }) => name === "listns");
  if (!listns?.supported) assert.ok(listns?.errno === "ENOSYS" || listns?.errno === "EPERM");
  for (const { supported, errno } of nsfsSupport()) if (!supported) assert.equal(errno, "ENOTTY");
});

test("says of each what stands in for it", () => {
  for (const { fallback, lacks } of [...nsfsSupport(), ...syscallSupport()]) {
    assert.ok(fallback.length > 0);
    if (fallback === "none") assert.ok(lacks !== null);
  }
});
