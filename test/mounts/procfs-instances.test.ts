import assert from "node:assert/strict";
import { test } from "node:test";
import type { Mount } from "../../src/kernel/mountinfo.js";
import { ProcfsHistory } from "../../src/mounts/procfs-history.js";
import { joinProcfs, type ProcfsHolder, type ProcfsSources } from "../../src/mounts/procfs-instances.js";
import type { ProcfsSuperblock } from "../../src/mounts/superblocks.js";
import { type Viewer, viewersByMountNs } from "../../src/mounts/viewers.js";
import type { Task } from "../../src/namespaces/task.js";
import { mounts, runcMounts } from "./mountinfo-text.js";

const NOW = 1_700_000_000_000;
const HOST_NS = 4026531836;
const OWN_NS = 4026532500;

function superblock(dev: string, more: Partial<ProcfsSuperblock> = {}): ProcfsSuperblock {
  return {
    dev,
    pidNs: OWN_NS,
    pidLevel: 1,
    userNs: 4026531837,
    hidepid: "off",
    gid: 0,
    subset: null,
    ...more,
  };
}

function task(pid: number, mnt: number): Task {
  return {
    pid,
    tid: pid,
    ppid: 1,
    start: BigInt(pid),
    uid: 0,
    gid: 0,
    comm: `task-${pid}`,
    exe: null,
    nsPid: 1,
    ns: [mnt, 0, 0, 0, OWN_NS, 0, 0, 0, OWN_NS, 0],
    cgroup: 0n,
    cgroupV1: 0n,
  };
}

const APP = { id: "app", runtime: null, name: null, image: null, pod: null };

function join(
  tables: readonly (readonly Mount[])[],
  superblocks: readonly ProcfsSuperblock[] | null,
  more: Partial<ProcfsSources> = {},
) {
  const viewers: ReadonlyMap<number, readonly Viewer[]> = viewersByMountNs(
    tables.map((_, index) => task(100 + index, index + 1)),
    ({ pid }) => (pid === 100 ? null : APP),
  );
  return joinProcfs({
    superblocks: superblocks && { superblocks, complete: true },
    tables: tables.map((one, index) => ({ ns: index + 1, mounts: one })),
    viewers,
    files: [],
    hostProcDev: "0:21",
    pidNsOf: () => null,
    history: new ProcfsHistory(),
    now: NOW,
    ...more,
  });
}

const HOST_TABLE = mounts(
  "1 0 254:0 / / rw - ext4 /dev/vda rw",
  "2 1 0:21 / /proc rw,nosuid shared:12 - proc proc rw",
);

test("an instance has its places, each with what lies on it and who is there", () => {
  const [host, container] = join(
    [HOST_TABLE, runcMounts()],
    [superblock("0:40"), superblock("0:21", { pidNs: HOST_NS, pidLevel: 0 })],
  );
  assert.deepEqual([host?.dev, host?.host, host?.private, host?.keeper], ["0:21", true, false, "mounts"]);
  assert.deepEqual(host?.places[0]?.propagation, { shared: 12 });
  const [place, ...others] = container?.places ?? [];
  assert.equal(others.length, 0, "what only protects a part is no place");
  assert.deepEqual([place?.mntNs, place?.mountId, place?.path, place?.root], [2, 66, "/proc", "/"]);
  assert.equal(place?.covers.length, 7);
  assert.deepEqual(
    place?.viewers.map(({ container: ref, processes, first }) => [ref?.id, processes, first.pid]),
    [["app", 1, 101]],
  );
});

test("what another mount lies over is a place, but what protects a part of it is none", () => {
  const over = "90 66 0:50 / /proc rw - proc proc rw,subset=pid";
  const [below, above] = join([runcMounts([], [over])], [superblock("0:40"), superblock("0:50")]);
  assert.deepEqual(
    below?.places.map(({ path, covered }) => [path, covered]),
    [["/proc", true]],
  );
  assert.deepEqual(
    above?.places.map(({ path, covered }) => [path, covered]),
    [["/proc", false]],
  );
});

test("private is what differs from what most processes of the pid namespace have at /proc", () => {
  const extra = "90 65 0:50 / /tmp/p rw - proc proc rw";
  const all = join(
    [runcMounts([], [extra])],
    [superblock("0:40", { hidepid: "invisible" }), superblock("0:50"), superblock("0:60", { subset: "pid" })],
  );
  assert.deepEqual(
    all.map(({ dev, private: isPrivate, keeper }) => [dev, isPrivate, keeper]),
    [
      ["0:40", false, "mounts"],
      ["0:50", true, "mounts"],
      ["0:60", true, "kernel"],
    ],
  );
});

test("an instance that is mounted nowhere has its holders; of one that is mounted, those of detached mounts", () => {
  const file = (dev: string, fd: number, detached: boolean): ProcfsHolder & { dev: string } => ({
    dev,
    fd,
    detached,
    pid: 7,
    comm: "x",
    exe: null,
    container: null,
    root: true,
  });
  const [mounted, held] = join([runcMounts()], [superblock("0:40"), superblock("0:50")], {
    files: [file("0:40", 3, true), file("0:40", 4, false), file("0:50", 5, true), file("0:50", 6, false)],
  });
  assert.deepEqual([mounted?.keeper, mounted?.holders.map(({ fd }) => fd)], ["mounts", [3]]);
  assert.deepEqual([held?.keeper, held?.holders.map(({ fd }) => fd)], ["files", [5, 6]]);
});

test("without the kernel's list instances come from mount tables, and only what is asked for tells their processes", () => {
  const asked: string[] = [];
  const instances = join([HOST_TABLE, runcMounts()], null, {
    files: null,
    pidNsOf: ({ path, mntNs }, dev) => {
      asked.push(`${mntNs} ${path} ${dev}`);
      return mntNs === 1 ? HOST_NS : null;
    },
  });
  assert.deepEqual(asked, ["1 /proc 0:21", "2 /proc 0:40"]);
  assert.deepEqual(
    instances.map(({ dev, pidNs, userNs, private: isPrivate }) => [dev, pidNs, userNs, isPrivate]),
    [
      ["0:21", HOST_NS, null, false],
      ["0:40", null, null, null],
    ],
  );
});

test("options come from the superblock where it is known, else from the mount table", () => {
  const table = mounts(
    "1 0 254:0 / / rw - ext4 /dev/vda rw",
    "2 1 0:40 / /proc rw - proc proc rw,gid=9,hidepid=invisible,subset=pid",
  );
  const [fromTable] = join([table], null);
  assert.deepEqual([fromTable?.hidepid, fromTable?.gid, fromTable?.subset], ["invisible", 9, "pid"]);
  const [fromKernel] = join([table], [superblock("0:40", { hidepid: "ptraceable", gid: 100_009 })]);
  assert.deepEqual([fromKernel?.hidepid, fromKernel?.gid, fromKernel?.subset], ["ptraceable", 100_009, null]);
});

test("an instance keeps since when it is known and its story, until its device is another's", () => {
  const history = new ProcfsHistory();
  const one = superblock("0:40");
  history.seen([one], true, 1000);
  assert.deepEqual(history.of(one), { firstSeen: 1000, story: null });
  history.made(one, "late", 900);
  history.seen([one], true, 2000);
  assert.deepEqual(history.of(one), { firstSeen: 1000, story: "late" });

  // the same device and namespaces, but it began after the other was known: that one has ended
  history.made(one, "next", 3000);
  assert.deepEqual(history.of(one), { firstSeen: 3000, story: "next" });
  const foreign = superblock("0:40", { pidNs: 7 });
  assert.equal(history.of(foreign), null);
  history.seen([foreign], true, 4000);
  assert.deepEqual(history.of(foreign), { firstSeen: 4000, story: null });

  history.seen([], false, 5000);
  assert.equal(history.size, 1, "a list with gaps ends nothing");
  history.seen([], true, 5000);
  assert.equal(history.size, 0);
});

test("a story tells who made an instance, unless it made none", () => {
  const history = new ProcfsHistory();
  const one = superblock("0:40");
  const procfs = {
    dev: "0:40",
    pid_ns: OWN_NS,
    pid_namespace: { inum: OWN_NS, id: null },
    pid_ns_relation: null,
    user_ns: one.userNs,
    hidepid: "off",
    gid: 0,
    subset: null,
  } as const;
  const began = "2026-01-02T03:04:05.678Z";
  history.onStory({ id: "a", kind: "reconfigure", state: "closed", began, procfs });
  history.onStory({ id: "b", kind: "mount", state: "rejected", began, procfs });
  history.onStory({ id: "c", kind: "mount", state: "open", began });
  assert.equal(history.of(one), null);
  history.onStory({ id: "d", kind: "mount", state: "open", began, procfs });
  history.onStory({ id: "d", kind: "mount", state: "attached", began, procfs });
  assert.deepEqual(history.of(one), { firstSeen: Date.parse(began), story: "d" });
});

test("a history has a bound, and counts what it forgets", () => {
  const history = new ProcfsHistory(2);
  const [a, b, c] = ["0:1", "0:2", "0:3"].map((dev) => superblock(dev));
  history.seen([a!, b!, c!], true, 1);
  assert.deepEqual([history.size, history.evictions, history.of(a!)], [2, 1, null]);
});
