import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { after, before, test } from "node:test";
import { TaskIterator } from "../../../src/capture/iterator.js";
import { loadObject } from "../../../src/capture/object.js";
import { HostPath } from "../../../src/kernel/host-path.js";
import { MountTables } from "../../../src/mounts/mount-tables.js";
import { NamespaceGraph } from "../../../src/namespaces/graph.js";
import { mountNamespaces } from "../../../src/namespaces/mount-namespaces.js";
import { requireRoot } from "../namespaces/nested.js";
import { assertRows, rowsOf } from "./oracle.js";
import { mountNsOf, startShell, WAIT, type World } from "./world.js";

/** What a table is taken to be unchanged by: the kernel's own counter, as the task iterator reads it. */
let world: World;
let close = () => {};
let namespaces: () => ReturnType<typeof mountNamespaces>;

before(async () => {
  requireRoot();
  const { object } = loadObject("probes", ({ programs }) => {
    for (const program of programs) if (program.name !== "tasks") program.setAutoload(false);
  });
  const iterator = new TaskIterator(object.program("tasks").attachIter());
  close = () => {
    iterator.close();
    object.close();
  };
  namespaces = () => {
    const graph = new NamespaceGraph({ host: new HostPath() });
    const tasks = iterator.read();
    graph.takeInventory(tasks, [], iterator.namespaces);
    return mountNamespaces(graph, tasks);
  };
  world = await startShell(`mkdir a b c d; mount -t tmpfs a a; mkdir a/x; ${WAIT}`);
});

after(async () => {
  await world.end();
  close();
});

/** Runs a command in the namespace of the world. */
function inside(...words: readonly string[]): void {
  execFileSync("nsenter", ["--mount", "--target", String(world.pid), "--wd=/mnt", ...words]);
}

const COUNTED: Readonly<Record<string, readonly string[]>> = {
  "a mount": ["mount", "-t", "tmpfs", "b", "b"],
  "another one": ["mount", "-t", "tmpfs", "c", "c"],
  "an unmount right after it": ["umount", "c"],
  "a bind mount": ["mount", "--bind", "a/x", "c"],
  "other attributes": ["mount", "-o", "remount,bind,ro", "b"],
  "other options of a superblock, by one of its mounts here": ["mount", "-o", "remount,size=8k", "a"],
  "a move": ["mount", "--move", "b", "d"],
  "an unmount that does not wait": ["umount", "--lazy", "d"],
  "the end of a directory that is a mount point here alone": [
    ...["unshare", "--mount", "sh", "-c", "umount /mnt/c; rmdir /mnt/c"],
  ],
};

for (const [what, command] of Object.entries(COUNTED)) {
  test(`the kernel counts ${what}`, () => {
    const tables = new MountTables({ host: new HostPath(), rechecks: 0 });
    const { ns } = mountNsOf(world.pid);
    tables.refresh(namespaces());
    const { unchanged } = tables.stats;
    tables.refresh(namespaces());
    assert.ok(tables.stats.unchanged > unchanged);
    inside(...command);
    const changed = tables.refresh(namespaces());
    assert.ok(changed.has(ns));
    assert.equal(tables.get(ns)?.reason, null);
    assertRows(tables.get(ns)?.mounts ?? [], rowsOf(world.pid));
  });
}
