import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { formatAddress, isLoopback, parseAddress } from "../../src/config/address.js";
import { useColor } from "../../src/config/color.js";
import { parseBytes, parseDuration } from "../../src/config/quantity.js";
import { suggest } from "../../src/config/suggest.js";

test("bytes have binary units, durations need a unit", () => {
  assert.equal(parseBytes(4096), 4096);
  assert.equal(parseBytes("4096"), 4096);
  assert.equal(parseBytes("1.5KiB"), 1536);
  assert.equal(parseBytes("16 MiB"), 16777216);
  for (const bad of ["16MB", "MiB", "-1", "1e3", "0.1B", "1constructor", Number.NaN, 1.5, null]) {
    assert.equal(parseBytes(bad), undefined, String(bad));
  }
  assert.equal(parseDuration("1.5s"), 1500);
  assert.equal(parseDuration("2h"), 7_200_000);
  for (const bad of [5, "5", "5 sec", "s", ""]) assert.equal(parseDuration(bad), undefined, String(bad));
});

test("an address survives formatting and parsing", () => {
  const host = fc.oneof(fc.ipV4(), fc.ipV6(), fc.constant("localhost"));
  fc.assert(
    fc.property(host, fc.integer({ min: 0, max: 65535 }), (name, port) => {
      assert.deepEqual(parseAddress(formatAddress({ host: name, port })), { host: name, port });
    }),
  );
});

test("only 127.0.0.0/8, ::1 and localhost are loopback, however they are written", () => {
  for (const host of [
    "127.0.0.1",
    "127.255.0.3",
    "::1",
    "0:0:0:0:0:0:0:1",
    "::ffff:127.0.0.1",
    "localhost",
  ]) {
    assert.ok(isLoopback(host), host);
  }
  for (const host of [
    "0.0.0.0",
    "::",
    "10.127.0.1",
    "128.0.0.1",
    "::2",
    "::ffff:10.0.0.1",
    "fe80::1%lo",
    "127.0.0.1.nip.io",
  ]) {
    assert.ok(!isLoopback(host), host);
  }
});

test("a suggestion is near, and the nearest", () => {
  const words = ["output", "listen", "ring.size", "color"];
  assert.equal(suggest("outptu", words), "output");
  assert.equal(suggest("Listen", words), "listen");
  assert.equal(suggest("ring_size", words), "ring.size");
  assert.equal(suggest("colour", words), "color");
  assert.equal(suggest("banana", words), null);
  assert.equal(suggest("a", ["bcd"]), null);
});

test("colour: what was said, else a terminal that wants it", () => {
  const tty = { isTTY: true };
  assert.equal(useColor("auto", tty, {}), true);
  assert.equal(useColor("auto", {}, {}), false);
  assert.equal(useColor("auto", tty, { NO_COLOR: "1" }), false);
  assert.equal(useColor("auto", tty, { NO_COLOR: "" }), true);
  assert.equal(useColor("auto", tty, { TERM: "dumb" }), false);
  assert.equal(useColor("always", {}, { NO_COLOR: "1" }), true);
  assert.equal(useColor("never", tty, {}), false);
});
