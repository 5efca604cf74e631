import assert from "node:assert/strict";
import { after, beforeEach, test } from "node:test";
import { type MountNs, MountTables } from "../../src/mounts/mount-tables.js";
import { FakeProc, mountNs } from "./fake-proc.js";

const ROOT = "20 1 0:2 / / rw - ext4 /dev/vda rw";
const DATA = "21 20 0:3 /a /data rw - tmpfs data rw,size=4k";

let proc = new FakeProc();

beforeEach(() => {
  proc.remove();
  proc = new FakeProc();
});
after(() => proc.remove());

function refreshed(tables: MountTables, ...namespaces: readonly MountNs[]): number[] {
  return [...tables.refresh(namespaces)].sort((a, b) => a - b);
}

function points(tables: MountTables, ns: number): string[] | undefined {
  return tables.get(ns)?.mounts.map(({ point }) => point);
}

test("a table is read again when the kernel has counted a change, and not before", () => {
  const tables = new MountTables({ host: proc.host, rechecks: 0 });
  proc.process(7, 1, [ROOT, DATA]);
  assert.deepEqual(refreshed(tables, mountNs(1, 7, 5)), [1]);
  const first = tables.get(1);
  assert.equal(first?.reason, null);
  assert.equal(first.via, "mountinfo");
  proc.process(7, 1, [ROOT]);
  assert.deepEqual(refreshed(tables, mountNs(1, 7, 5)), []);
  assert.equal(tables.get(1), first);
  assert.deepEqual(refreshed(tables, mountNs(1, 7, 6)), [1]);
  assert.deepEqual(points(tables, 1), ["/"]);
  assert.deepEqual(
    { ...tables.stats, lastSeconds: 0 },
    {
      ...{ tables: 1, mounts: 1, incomplete: 0, mountinfo: 2, statmount: 0, unchanged: 1, deferred: 0 },
      ...{ rechecked: 0, lastSeconds: 0 },
      found: { mounts: 0, paths: 0, attributes: 0, propagation: 0, superblock: 0 },
    },
  );
});

test("without the kernel's counter, or an id that proves it is the same, every table is read", () => {
  const tables = new MountTables({ host: proc.host, rechecks: 0 });
  const noId = { ...mountNs(2, 8, 5), id: null };
  proc.process(7, 1, [ROOT]);
  proc.process(8, 2, [ROOT]);
  refreshed(tables, mountNs(1, 7, null), noId);
  const [one, two] = [tables.get(1), tables.get(2)];
  assert.deepEqual(refreshed(tables, mountNs(1, 7, null), noId), []);
  // read again, and the same
  assert.equal(tables.stats.mountinfo, 4);
  assert.equal(tables.get(1), one);
  assert.equal(tables.get(2), two);
  proc.process(7, 1, [ROOT, DATA]);
  proc.process(8, 2, [ROOT, DATA]);
  assert.deepEqual(refreshed(tables, mountNs(1, 7, null), noId), [1, 2]);
});

test("an inode number that a new namespace has does not bring back the old table", () => {
  const tables = new MountTables({ host: proc.host, rechecks: 0 });
  proc.process(7, 1, [ROOT, DATA]);
  refreshed(tables, mountNs(1, 7, 5));
  proc.process(7, 1, [ROOT]);
  assert.deepEqual(refreshed(tables, { ...mountNs(1, 7, 5), id: "9007199254740993" }), [1]);
  assert.deepEqual(points(tables, 1), ["/"]);
  assert.equal(tables.stats.mounts, 1);
});

test("what is read in turn tells what the kernel does not count, by cause", () => {
  const causes = {
    paths: [ROOT, DATA.replace("/data", "/moved")],
    propagation: [ROOT, DATA.replace("rw -", "rw shared:4 -")],
    superblock: [ROOT, DATA.replace("size=4k", "size=8k")],
    attributes: [ROOT, DATA.replace("rw -", "ro -")],
    mounts: [ROOT, DATA.replace("21 20", "22 20")],
  };
  for (const [cause, lines] of Object.entries(causes)) {
    const tables = new MountTables({ host: proc.host, rechecks: 1 });
    proc.process(7, 1, [ROOT, DATA]);
    refreshed(tables, mountNs(1, 7, 5));
    proc.process(7, 1, lines);
    assert.deepEqual(refreshed(tables, mountNs(1, 7, 5)), [1]);
    assert.deepEqual(
      tables.get(1)?.mounts.map(({ id }) => id),
      lines.map((line) => Number(line.slice(0, 2))),
    );
    // the counter was read before the table was: only the next one shows that it did not move
    assert.equal(tables.stats.found[cause as keyof typeof causes], 0);
    refreshed(tables, mountNs(1, 7, 5));
    const found = { mounts: 0, paths: 0, attributes: 0, propagation: 0, superblock: 0, [cause]: 1 };
    assert.deepEqual(tables.stats.found, found);
  }
});

test("what an event explains after all is not counted", () => {
  const tables = new MountTables({ host: proc.host, rechecks: 1 });
  proc.process(7, 1, [ROOT, DATA]);
  refreshed(tables, mountNs(1, 7, 5));
  proc.process(7, 1, [ROOT]);
  refreshed(tables, mountNs(1, 7, 5));
  refreshed(tables, mountNs(1, 7, 6));
  refreshed(tables, mountNs(1, 7, 6));
  assert.equal(tables.stats.found.mounts, 0);
});

test("all tables have their turn", () => {
  const tables = new MountTables({ host: proc.host, rechecks: 2 });
  const namespaces = [1, 2, 3, 4, 5].map((ns) => mountNs(ns, ns, 5));
  for (const { ns } of namespaces) proc.process(ns, ns, [ROOT, DATA]);
  refreshed(tables, ...namespaces);
  for (const { ns } of namespaces) proc.process(ns, ns, [ROOT]);
  const turns = [1, 2, 3].map(() => refreshed(tables, ...namespaces));
  assert.deepEqual(turns.flat().sort(), [1, 2, 3, 4, 5]);
});

test("a touched table is read when it is asked for, or at the next refresh", () => {
  const tables = new MountTables({ host: proc.host, rechecks: 0 });
  const namespaces = [mountNs(1, 7, 5), mountNs(2, 8, 5)];
  proc.process(7, 1, [ROOT]);
  proc.process(8, 2, [ROOT, DATA]);
  refreshed(tables, ...namespaces);
  proc.process(7, 1, [ROOT, DATA]);
  proc.process(8, 2, [ROOT]);
  tables.touch(1);
  assert.equal(tables.current(1)?.mounts.length, 2);
  assert.equal(tables.current(2)?.mounts.length, 2);
  // told once, with the next refresh
  assert.deepEqual(refreshed(tables, ...namespaces), [1]);
  tables.touchSuperblock("0:9");
  assert.deepEqual(refreshed(tables, ...namespaces), []);
  tables.touchSuperblock("0:3");
  assert.deepEqual(refreshed(tables, ...namespaces), [2]);
  proc.process(8, 2, [ROOT, DATA]);
  tables.touchAll();
  assert.deepEqual(refreshed(tables, ...namespaces), [2]);
});

test("touched tables are pending until they are read, but not when that was just now", () => {
  let now = 0;
  const tables = new MountTables({ host: proc.host, rechecks: 0, now: () => now });
  const namespaces = [mountNs(1, 7, 5), mountNs(2, 8, 5)];
  const both = (lines: readonly string[]) => {
    proc.process(7, 1, lines);
    proc.process(8, 2, lines);
  };
  both([ROOT]);
  refreshed(tables, ...namespaces);
  assert.equal(tables.pending, 0);
  now += 60_000;
  both([ROOT, DATA]);
  tables.touchAll();
  assert.equal(tables.pending, 2);
  assert.deepEqual([...tables.resume()], [1, 2]);
  assert.equal(tables.pending, 0);
  both([ROOT]);
  tables.touch(1);
  // no time has passed since, and reading took some
  assert.deepEqual([...tables.resume()], []);
  assert.equal(tables.pending, 0);
  assert.deepEqual(refreshed(tables, ...namespaces), [1]);
});

test("a peer group that ends changes the tables that received from it", () => {
  const tables = new MountTables({ host: proc.host, rechecks: 0 });
  const slave = (master: string) => [ROOT, `31 30 0:3 / /data rw${master} - tmpfs data rw`];
  proc.process(7, 1, [
    ROOT,
    "21 20 0:3 / /data rw shared:4 - tmpfs data rw",
    "22 20 0:3 / /b rw shared:4 - x x rw",
  ]);
  proc.process(8, 2, slave(" master:4"));
  refreshed(tables, mountNs(1, 7, 5), mountNs(2, 8, 5));
  // one of two is left: who received goes on to
  proc.process(7, 1, [ROOT, "21 20 0:3 / /data rw shared:4 - tmpfs data rw"]);
  proc.process(8, 2, slave(""));
  assert.deepEqual(refreshed(tables, mountNs(1, 7, 6), mountNs(2, 8, 5)), [1]);
  proc.process(7, 1, [ROOT]);
  assert.deepEqual(refreshed(tables, mountNs(1, 7, 7), mountNs(2, 8, 5)), [1, 2]);
  assert.deepEqual(tables.get(2)?.mounts[1]?.propagation, {});
});

test("and those that were read in the same refresh, but before", () => {
  let now = 0;
  const tables = new MountTables({ host: proc.host, rechecks: 0, now: () => now });
  proc.process(7, 1, ["21 20 0:3 / / rw shared:4 - tmpfs data rw"]);
  proc.process(8, 2, ["31 30 0:3 / / rw master:4 - tmpfs data rw"]);
  refreshed(tables, mountNs(1, 7, 5), mountNs(2, 8, 5));
  now += 60_000;
  proc.process(7, 1, ["21 20 0:3 / / rw - tmpfs data rw"]);
  proc.process(8, 2, ["31 30 0:3 / / rw - tmpfs data rw"]);
  tables.touch(1);
  assert.deepEqual([...tables.resume()], [1, 2]);
});

test("so does the end of the namespace that had the group", () => {
  const tables = new MountTables({ host: proc.host, rechecks: 0 });
  proc.process(7, 1, ["21 20 0:3 / / rw shared:4 - tmpfs data rw"]);
  proc.process(8, 2, ["31 30 0:3 / / rw master:4 - tmpfs data rw"]);
  refreshed(tables, mountNs(1, 7, 5), mountNs(2, 8, 5));
  proc.process(8, 2, ["31 30 0:3 / / rw - tmpfs data rw"]);
  assert.deepEqual(refreshed(tables, mountNs(2, 8, 5)), [1, 2]);
  assert.equal(tables.get(1), undefined);
});

test("a namespace whose processes are gone, or elsewhere, has no table", () => {
  const tables = new MountTables({ host: proc.host });
  proc.process(7, 1, [ROOT]);
  proc.process(8, 9, [ROOT, DATA]);
  refreshed(tables, mountNs(1, 7, null), mountNs(2, 8, null));
  assert.deepEqual(points(tables, 1), ["/"]);
  assert.equal(tables.get(2), undefined);
  proc.end(7);
  assert.deepEqual(refreshed(tables, mountNs(1, 7, null)), [1]);
  assert.equal(tables.get(1), undefined);
  assert.equal(tables.stats.tables, 0);
  assert.equal(tables.stats.mounts, 0);
});

test("one that may not be read is there, and says why it is empty", () => {
  const tables = new MountTables({ host: proc.host });
  proc.unreadable(7, 1);
  refreshed(tables, mountNs(1, 7, 5), mountNs(2, [], 5));
  assert.deepEqual(points(tables, 1), []);
  assert.equal(tables.get(1)?.complete, false);
  assert.equal(tables.get(1)?.reason, "process 7's mountinfo: EISDIR");
});

test("a process whose root is the namespace's is preferred; without one the table is marked", () => {
  const tables = new MountTables({ host: proc.host });
  proc.process(7, 1, [DATA], "/srv/jail");
  proc.process(8, 1, [ROOT, DATA]);
  refreshed(tables, mountNs(1, [7, 8], 5));
  assert.equal(tables.get(1)?.reason, null);
  assert.deepEqual(points(tables, 1), ["/", "/data"]);
  // nothing was counted, but who is in it is another
  assert.deepEqual(refreshed(tables, mountNs(1, [7], 6)), [1]);
  assert.equal(tables.get(1)?.reason, "seen from a chroot(2)");
  assert.deepEqual(points(tables, 1), ["/data"]);
  assert.deepEqual(refreshed(tables, mountNs(1, [7, 8], 6)), [1]);
  assert.equal(tables.get(1)?.complete, true);
});

test("what is beyond the bounds is left out and said, and who fills them leaves room for the small", () => {
  const lines = Array.from({ length: 301 }, (_, n) => `${n + 20} 20 0:3 / /${n} rw - tmpfs t rw`);
  const namespaces = [1, 2, 3, 4, 5].map((ns) => mountNs(ns, ns, 5));
  for (const { ns } of namespaces) proc.process(ns, ns, lines);
  const tables = new MountTables({ host: proc.host, mountsPerTable: 300, mounts: 500 });
  refreshed(tables, ...namespaces);
  const kept = [...tables.all()].map(({ mounts, complete }) => [mounts.length, complete]);
  assert.deepEqual(kept, [
    [300, false],
    [256, false],
    [256, false],
    [188, false],
    [1, false],
  ]);
  assert.equal(tables.get(1)?.reason, "it has more than 300 mounts, and no more are kept");
  assert.equal(tables.stats.mounts, 1001);
  assert.equal(tables.stats.incomplete, 5);
});

test("what is too much to be read at once is read on", () => {
  const tables = new MountTables({ host: proc.host, mountsPerRefresh: 3, rechecks: 9 });
  const namespaces = (event: number | null) => [1, 2, 3].map((ns) => mountNs(ns, ns, event));
  const change = (lines: readonly string[]) => {
    for (const ns of [1, 2, 3]) proc.process(ns, ns, lines);
  };
  const lengths = () => [1, 2, 3].map((ns) => points(tables, ns)?.length);
  change([ROOT, DATA]);
  assert.deepEqual(refreshed(tables, ...namespaces(5)), [1, 2, 3]);
  assert.deepEqual(lengths(), [2, 2, 0]);
  assert.match(tables.get(3)?.reason ?? "", /waits to be read$/);
  assert.equal(tables.pending, 1);
  assert.deepEqual([...tables.resume()], [3]);
  assert.deepEqual(lengths(), [2, 2, 2]);
  assert.equal(tables.get(3)?.reason, null);
  assert.equal(tables.pending, 0);
  assert.deepEqual([...tables.resume()], []);
  change([ROOT, DATA, DATA.replace("21", "22")]);
  assert.deepEqual(refreshed(tables, ...namespaces(6)), [1, 2, 3]);
  // the one that waited before comes last now, as it was read last
  assert.deepEqual(lengths(), [3, 2, 2]);
  assert.equal(tables.stats.incomplete, 2);
  tables.resume();
  tables.resume();
  assert.deepEqual(lengths(), [3, 3, 3]);
  assert.equal(tables.stats.incomplete, 0);
  assert.equal(tables.stats.deferred, 3);
});

test("what waits without the kernel's counter is as it was", () => {
  const tables = new MountTables({ host: proc.host, mountsPerRefresh: 1 });
  const namespaces = [1, 2].map((ns) => mountNs(ns, ns, null));
  for (const ns of [1, 2]) proc.process(ns, ns, [ROOT]);
  refreshed(tables, ...namespaces);
  tables.resume();
  assert.deepEqual(refreshed(tables, ...namespaces), []);
  assert.equal(tables.pending, 1);
  assert.equal(tables.stats.incomplete, 0);
});
