import assert from "node:assert/strict";
import { test } from "node:test";
import { MountTree } from "../../src/mounts/mount-tree.js";
import { mounts, runcMounts } from "./mountinfo-text.js";

function lookup(tree: MountTree, path: string): number | undefined {
  return tree.lookup(path)?.id;
}

test("a path is in the deepest mount on its way", () => {
  const tree = new MountTree(runcMounts());
  assert.equal(lookup(tree, "/"), 65);
  assert.equal(lookup(tree, "/etc/passwd"), 65);
  assert.equal(lookup(tree, "/proc"), 66);
  assert.equal(lookup(tree, "/proc/self/mem"), 66);
  assert.equal(lookup(tree, "/proc/sys/kernel/core_pattern"), 47);
  assert.equal(lookup(tree, "/process"), 65);
});

test("what is mounted on top hides what was there, whatever the order of the lines", () => {
  const over = "90 66 0:60 / /proc rw - tmpfs tmpfs rw";
  for (const table of [runcMounts([], [over]), runcMounts([], [over]).reverse()]) {
    const tree = new MountTree(table);
    assert.equal(lookup(tree, "/proc"), 90);
    assert.equal(lookup(tree, "/proc/sys"), 90);
    assert.deepEqual(
      tree
        .visible()
        .map((mount) => mount.id)
        .sort(),
      [51, 65, 67, 71, 90],
    );
  }
});

test("a mount below a covered directory is hidden, one moved beneath the top stays hidden", () => {
  const tree = new MountTree(
    mounts(
      "10 1 8:1 / / rw - ext4 a rw",
      "11 10 0:20 / /a/b rw - proc proc rw",
      "12 10 0:21 / /a rw - tmpfs t rw",
      "13 10 0:22 / /c rw - tmpfs lower rw",
      "14 13 0:23 / /c rw - tmpfs upper rw",
    ),
  );
  assert.deepEqual(
    tree.visible().map((mount) => mount.id),
    [10, 12, 14],
  );
});

test("a process in a chroot has mounts without a root", () => {
  const tree = new MountTree(
    mounts("20 5 0:4 / /proc rw - proc proc rw", "21 20 0:5 /null /proc/keys rw - tmpfs t rw"),
  );
  assert.equal(tree.lookup("/"), null);
  assert.equal(tree.lookup("/etc"), null);
  assert.equal(lookup(tree, "/proc/1"), 20);
  assert.equal(lookup(tree, "/proc/keys"), 21);
});

test("a table whose mounts name each other as parents ends", () => {
  const tree = new MountTree(
    mounts("1 1 8:1 / / rw - ext4 a rw", "2 3 0:4 / /x rw - tmpfs t rw", "3 2 0:4 / /x rw - tmpfs t rw"),
  );
  assert.equal(lookup(tree, "/x"), 1);
});
