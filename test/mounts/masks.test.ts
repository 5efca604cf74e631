import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { test } from "node:test";
import { HostPath } from "../../src/kernel/host-path.js";
import { HostMasks } from "../../src/mounts/host-masks.js";
import { MaskJudge } from "../../src/mounts/masks.js";
import { MountTree } from "../../src/mounts/mount-tree.js";
import { mounts } from "./mountinfo-text.js";

const DEV = "67 65 0:41 / /dev rw,nosuid - tmpfs tmpfs rw,mode=755";

const cases: readonly (readonly [what: string, line: string, proof: string | null])[] = [
  ["null of the container's /dev", "9 1 0:41 /null /proc/keys rw - tmpfs tmpfs rw", "null-device"],
  ["null of the host's /dev", "9 1 0:6 /null /proc/keys rw - devtmpfs devtmpfs rw", "null-device"],
  ["another device of the host's /dev", "9 1 0:6 /zero /proc/keys rw - devtmpfs devtmpfs rw", null],
  ["null of some tmpfs", "9 1 0:50 /null /proc/keys rw - tmpfs tmpfs rw", "unproven"],
  ["a file called null of a disk", "9 1 254:0 /null /proc/keys rw - ext4 /dev/vda rw", null],
  ["an empty tmpfs of runc", "9 1 0:46 / /proc/acpi ro - tmpfs tmpfs ro", "empty"],
  ["one tmpfs for all", "9 1 0:46 / /proc/acpi ro - tmpfs tmpfs rw,nr_blocks=1,nr_inodes=1", "empty"],
  ["a tmpfs that others may write to", "9 1 0:46 / /proc/acpi ro - tmpfs tmpfs rw", "unproven"],
  ["a writable tmpfs", "9 1 0:46 / /proc/acpi rw - tmpfs tmpfs rw", null],
  ["a directory that crun keeps", "9 1 0:25 /crun/.empty /proc/acpi ro - tmpfs tmpfs rw", "unproven"],
  ["a sysctl", "9 1 0:40 /sys/kernel/core_pattern /proc/keys ro - proc proc rw", null],
  ["a part of sysfs", "9 1 0:44 /kernel /proc/acpi ro - sysfs sysfs ro", null],
  ["FUSE", "9 1 0:70 /proc/uptime /proc/uptime ro - fuse.lxcfs lxcfs rw", null],
];

for (const [what, line, proof] of cases) {
  test(`a mask is judged by what lies there: ${what}`, () => {
    const table = mounts(DEV, line);
    assert.equal(new MaskJudge(new MountTree(table)).prove(table[1]!), proof);
  });
}

test("what the host's files tell counts more than what a mask looks like", () => {
  const [mount] = mounts("9 1 0:25 /crun/.empty /proc/acpi ro - tmpfs tmpfs rw");
  const tree = new MountTree([mount!]);
  const as = (proof: "empty" | "content" | "null-device" | null) =>
    new MaskJudge(tree, { prove: () => proof }).prove(mount!);
  assert.deepEqual(
    [as("empty"), as("content"), as("null-device"), as(null)],
    ["empty", null, "null-device", "unproven"],
  );
  const writable = { ...mount!, options: ["rw"] };
  assert.equal(new MaskJudge(tree, { prove: () => "empty" }).prove(writable), null);
});

test("the null device of the host is known by its numbers", () => {
  const masks = new HostMasks(new HostPath());
  const [table] = [execFileSync("findmnt", ["-n", "-o", "MAJ:MIN,FSTYPE", "/dev"], { encoding: "utf8" })];
  const [dev = "", fsType = ""] = table.trim().split(/\s+/);
  assert.equal(fsType, "devtmpfs", "this test wants a devtmpfs at /dev");
  assert.equal(statSync("/dev/null").rdev, 0x103);
  assert.equal(masks.prove({ dev, root: "/null", fsType }), "null-device");
  assert.equal(masks.prove({ dev: "0:9999", root: "/null", fsType }), "content");
  assert.equal(masks.prove({ dev, root: "/zero", fsType }), null);
});

test("nothing of the host is looked at but its /dev/null and what runtimes keep below /run", () => {
  const masks = new HostMasks(new HostPath());
  assert.equal(masks.prove({ dev: "254:0", root: "/etc", fsType: "ext4" }), null);
  assert.equal(masks.prove({ dev: "0:25", root: "/crun/../../etc", fsType: "tmpfs" }), null);
  assert.ok(existsSync("/etc"));
});
