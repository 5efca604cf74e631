import assert from "node:assert/strict";
import { test } from "node:test";
import type { Mount } from "../../src/kernel/mountinfo.js";
import { MountTree } from "../../src/mounts/mount-tree.js";
import {
  isMasked,
  type PseudoView,
  pointOf,
  procfsViews,
  shows,
  sysfsViews,
  writablePaths,
} from "../../src/mounts/pseudo-view.js";
import { runcMounts } from "./mountinfo-text.js";

function views(table: readonly Mount[]): PseudoView[] {
  return procfsViews(new MountTree(table));
}

function only(table: readonly Mount[]): PseudoView {
  const [view, ...others] = views(table);
  assert.ok(view !== undefined && others.length === 0, "one procfs is visible");
  return view;
}

test("a container of runc has one procfs with its masks and read-only paths", () => {
  const view = only(runcMounts());
  assert.equal(view.point, "/proc");
  assert.equal(view.readonly, false);
  assert.deepEqual(view.covers.map(({ path, kind }) => `${path} ${kind}`).sort(), [
    "/acpi mask",
    "/bus readonly",
    "/fs readonly",
    "/irq readonly",
    "/keys mask",
    "/sys readonly",
    "/timer_list mask",
  ]);
  assert.equal(isMasked(view, "/acpi/wakeup"), true);
  assert.equal(isMasked(view, "/keys"), true);
  assert.equal(isMasked(view, "/key-users"), false);
  assert.deepEqual(writablePaths(view, "/sys"), []);
  assert.deepEqual(writablePaths(view, "/driver"), ["/driver"]);
});

const MASK_SHAPES: readonly [string, string, string][] = [
  ["null device of the host's devtmpfs", "90 66 0:6 /null /proc/keys rw - devtmpfs devtmpfs rw", "mask"],
  ["null device of the container's tmpfs", "90 66 0:41 /null /proc/keys rw - tmpfs tmpfs rw", "mask"],
  ["read-only tmpfs", "90 66 0:50 / /proc/keys ro - tmpfs tmpfs rw", "mask"],
  ["tmpfs with a read-only superblock", "90 66 0:50 / /proc/keys rw - tmpfs tmpfs ro,nr_inodes=1", "mask"],
  [
    "empty directory that crun keeps",
    "90 66 0:25 /crun/.empty-directory /proc/keys ro - tmpfs tmpfs rw",
    "mask",
  ],
  ["empty directory on a disk", "90 66 254:0 /var/lib/empty /proc/keys ro - ext4 /dev/vda rw", "mask"],
  ["writable tmpfs", "90 66 0:50 / /proc/keys rw - tmpfs tmpfs rw", "other"],
  ["another file of the container's /dev", "90 66 0:41 /zero /proc/keys rw - tmpfs tmpfs rw", "other"],
  ["a file called null elsewhere", "90 66 0:41 /x/null /proc/keys rw - tmpfs tmpfs rw", "other"],
  ["LXCFS", "90 66 0:70 /proc/keys /proc/keys ro - fuse.lxcfs lxcfs rw", "other"],
  [
    "the sysctl that CVE-2025-31133 binds",
    "90 66 0:40 /sys/kernel/core_pattern /proc/keys rw - proc proc rw",
    "other",
  ],
  ["the entry itself again", "90 66 0:40 /keys /proc/keys rw - proc proc rw", "writable"],
  ["the entry itself, read-only", "90 66 0:40 /keys /proc/keys ro - proc proc rw", "readonly"],
  ["the same path of another procfs", "90 66 0:99 /keys /proc/keys ro - proc proc rw", "other"],
];

for (const [what, line, kind] of MASK_SHAPES) {
  test(`on a masked path: ${what}`, () => {
    const view = views(runcMounts(["keys"], [line])).find(({ point }) => point === "/proc");
    assert.equal(view?.covers.find(({ path }) => path === "/keys")?.kind, kind);
    assert.equal(isMasked(view!, "/keys"), kind === "mask");
  });
}

test("only the topmost mount on a path counts", () => {
  const uncovered = only(runcMounts([], ["90 49 0:40 /keys /proc/keys rw - proc proc rw"]));
  assert.equal(isMasked(uncovered, "/keys"), false);
  const view = only(runcMounts([], ["90 47 0:40 /sys /proc/sys rw - proc proc rw"]));
  assert.deepEqual(writablePaths(view, "/sys"), ["/sys"]);
});

test("a writable part below a read-only path is writable", () => {
  const view = only(runcMounts([], ["90 47 0:40 /sys/net /proc/sys/net rw - proc proc rw"]));
  assert.deepEqual(writablePaths(view, "/sys"), ["/sys/net"]);
  assert.deepEqual(writablePaths(view, "/sys/kernel"), []);
});

test("binds of procfs elsewhere are views of their own", () => {
  const found = views(
    runcMounts(
      [],
      [
        "90 65 0:21 / /host/proc rw - proc proc rw",
        "91 90 0:21 /sys /host/proc/sys ro - proc proc rw",
        "92 65 0:21 /sys/kernel /hs rw - proc proc rw",
        "93 65 0:40 /1 /p1 ro - proc proc rw",
      ],
    ),
  );
  assert.deepEqual(
    found.map(({ point, root, readonly }) => [point, root, readonly]),
    [
      ["/proc", "/", false],
      ["/host/proc", "/", false],
      ["/hs", "/sys/kernel", false],
      ["/p1", "/1", true],
    ],
  );
  const [, host, sysctls, process] = found;
  assert.deepEqual(writablePaths(host!, "/sys"), []);
  assert.deepEqual(writablePaths(sysctls!, "/sys"), ["/sys/kernel"]);
  assert.equal(pointOf(sysctls!, "/sys/kernel/core_pattern"), "/hs/core_pattern");
  assert.equal(shows(sysctls!, "/keys"), false);
  assert.equal(shows(process!, "/sys"), false);
});

test("a covered procfs is not visible, and neither is what was mounted on it", () => {
  const view = only(runcMounts([], ["90 66 0:60 / /proc rw - proc proc rw"]));
  assert.equal(view.dev, "0:60");
  assert.deepEqual(view.covers, []);
});

test("an instance with subset=pid has no sysctls", () => {
  const view = only(
    runcMounts(["proc"], ["66 65 0:40 / /proc rw - proc proc rw,hidepid=invisible,subset=pid"]),
  );
  assert.equal(view.subset, "pid");
  assert.equal(shows(view, "/sys"), false);
  assert.equal(shows(view, "/1/mem"), true);
  assert.deepEqual(writablePaths(view, "/sys"), []);
});

test("masks of sysfs are seen the same way", () => {
  const [view] = sysfsViews(new MountTree(runcMounts()));
  assert.equal(view?.readonly, true);
  assert.equal(isMasked(view!, "/firmware/acpi"), true);
  const [bare] = sysfsViews(new MountTree(runcMounts(["firmware"])));
  assert.equal(isMasked(bare!, "/firmware"), false);
});
