import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import { HostPath } from "../../src/kernel/host-path.js";
import { IdMap, readIdMap } from "../../src/kernel/idmap.js";

test("translates in both directions", () => {
  const map = IdMap.parse("         0     100000      65536\n     65536       1000          1\n");
  assert.equal(map.toOutside(0), 100_000);
  assert.equal(map.toOutside(65_535), 165_535);
  assert.equal(map.toOutside(65_536), 1000);
  assert.equal(map.toOutside(65_537), null);
  assert.equal(map.toInside(1000), 65_536);
  assert.equal(map.toInside(100_001), 1);
  assert.equal(map.toInside(0), null);
  assert.equal(map.mapsHostRoot, false);
});

test("knows whose root is the host's, at whatever id it is", () => {
  assert.equal(IdMap.parse("0 0 4294967295\n").mapsHostRoot, true);
  assert.equal(IdMap.parse("0 1000 1\n1000 0 1\n").mapsHostRoot, true);
  assert.equal(IdMap.parse("0 1 10\n").mapsHostRoot, false);
  assert.equal(IdMap.parse("").mapsHostRoot, false);
});

test("what is mapped out comes back", () => {
  const extent = fc.record({
    inside: fc.nat(),
    outside: fc.nat(),
    count: fc.integer({ min: 1, max: 70_000 }),
  });
  fc.assert(
    fc.property(extent, fc.nat(), (only, offset) => {
      const map = IdMap.parse(`${only.inside} ${only.outside} ${only.count}\n`);
      const inside = only.inside + (offset % only.count);
      assert.equal(map.toInside(map.toOutside(inside)!), inside);
      assert.equal(map.toOutside(only.inside + only.count), null);
    }),
  );
});

test("reads the maps of a process", () => {
  const host = new HostPath();
  const [inside, outside, count] = readFileSync("/proc/self/uid_map", "utf8").trim().split(/\s+/).map(Number);
  assert.deepEqual(readIdMap(host, process.pid, "uid")?.extents[0], { inside, outside, count });
  assert.ok((readIdMap(host, process.pid, "gid")?.extents.length ?? 0) > 0);
  assert.equal(readIdMap(host, 4_194_305, "uid"), null);
});
