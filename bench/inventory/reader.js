/**
 * usage: node --expose-gc reader.js
 *
 * The agent's own inventory, without the agent: who is in which namespace, and every mount table. Prints a line of JSON when
 * it has read both for the first time, and one for each line of its input, before which something may have changed.
 */
import { createInterface } from "node:readline";
import { HostPath } from "../../dist/kernel/host-path.js";
import { MountTables } from "../../dist/mounts/mount-tables.js";
import { NamespaceGraph } from "../../dist/namespaces/graph.js";
import { mountNamespaces } from "../../dist/namespaces/mount-namespaces.js";
import { taskReader } from "../../dist/namespaces/snapshot.js";

const host = new HostPath();
const reader = taskReader();
const graph = new NamespaceGraph({ host });
const tables = new MountTables({ host });

/** Bytes in use, on the heap and beside it. */
function used() {
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** Milliseconds that `act` takes. @param {() => void} act */
function time(act) {
  const began = performance.now();
  act();
  return performance.now() - began;
}

/** @type {readonly import("../../dist/namespaces/task.js").Task[]} */
let tasks = [];

function look() {
  const namespaces = time(() => {
    graph.expectInventory();
    tasks = reader.read();
    const listed = new Set(tasks.map(({ tid }) => tid));
    const gone = [...graph.tids()].filter((tid) => !listed.has(tid));
    graph.takeInventory(tasks, gone, reader.namespaces);
  });
  const mounts = time(() => tables.refresh(mountNamespaces(graph, tasks)));
  return { namespaces, mounts };
}

const empty = used();
const first = look();
const { tables: read, incomplete } = tables.stats;
process.stdout.write(`${JSON.stringify({ ...first, tables: read - incomplete, bytes: used() - empty })}\n`);
for await (const _ of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(look())}\n`);
}
reader.close();
