import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { type TreeOptions, tree } from "../../src/commands/tree.js";
import type { NsInums } from "../../src/kernel/links.js";
import type { Task } from "../../src/namespaces/task.js";

/** A root without a /proc, so that only what the tasks say is known. */
let hostRoot: string;
before(() => {
  hostRoot = mkdtempSync(join(tmpdir(), "keyhole-"));
});
after(() => rmSync(hostRoot, { recursive: true }));

const HOST: NsInums = [10, 11, 12, 13, 14, 15, 16, 17, 14, 17];

function task(pid: number, ppid: number, ns: NsInums, more: Partial<Task> = {}): Task {
  const about = {
    start: 1n,
    uid: 0,
    gid: 0,
    comm: `comm-${pid}`,
    exe: null,
    nsPid: pid,
    cgroup: 0n,
    cgroupV1: 0n,
  };
  return { pid, tid: pid, ppid, ns, ...about, ...more };
}

async function print(tasks: Task[], options: TreeOptions): Promise<string> {
  let text = "";
  await tree({ hostRoot, tasks: () => tasks, write: (part) => (text += part), ...options });
  return text;
}

test("escapes what a process could write to the terminal", async () => {
  const text = await print([task(1, 0, HOST, { comm: "\x1b[2Jx\n\u202e" })], { type: ["mnt"] });
  assert.match(text, /\\x1b\[2Jx\\x0a\\u\{202e\}\n$/);
  assert.equal(text.split("\n").length, 3);
});

test("stands namespaces below those of the process they came from", async () => {
  const container = HOST.with(0, 20);
  const nested = HOST.with(0, 30);
  const tasks = [
    task(1, 0, HOST),
    task(5, 1, container),
    task(6, 5, container),
    task(9, 6, nested),
    task(12, 9, nested),
  ];
  const text = await print(tasks, { type: ["mnt"], by: "process" });
  const drawn = text.split("\n").map((line) => /^[ │├└─]*\d+/.exec(line)?.[0]);
  assert.deepEqual(drawn, [undefined, "10", "└─20", "  └─30", undefined]);
  assert.match(text, /└─30 mnt +2 +9 /);
});

test("does not loop where a process went back to where its child is", async () => {
  const away = HOST.with(0, 20);
  const text = await print([task(3, 2, away), task(2, 3, HOST), task(7, 2, away)], {
    type: ["mnt"],
    by: "process",
  });
  assert.equal(text.split("\n").length, 4);
});

test("counts a process once, and one whose thread is elsewhere in both places", async () => {
  const tasks = [
    task(1, 0, HOST),
    task(1, 0, HOST.with(1, 21), { tid: 2 }),
    task(1, 0, HOST.with(1, 21), { tid: 3 }),
  ];
  const rows = JSON.parse(await print(tasks, { type: ["uts"], output: "json" })).namespaces;
  assert.deepEqual(
    rows.map(({ ns, nprocs, pid }: { ns: number; nprocs: number; pid: number }) => [ns, nprocs, pid]),
    [
      [11, 1, 1],
      [21, 1, 1],
    ],
  );
});

test("says null in JSON and a dash in the table for what is not known", async () => {
  const tasks = [task(1, 0, HOST, { uid: 4711 })];
  const [row] = JSON.parse(await print(tasks, { type: ["pid"], output: "json" })).namespaces;
  assert.deepEqual(row, {
    ns: 14,
    type: "pid",
    nprocs: 1,
    pid: 1,
    ppid: 0,
    uid: 4711,
    user: null,
    pns: null,
    ons: null,
    owner_uid: null,
    level: null,
    id: null,
    host: false,
    init: false,
    command: "comm-1",
  });
  assert.match(await print(tasks, { type: ["pid"], noHeader: true }), /^14 pid 1 1 4711 - - - comm-1\n$/);
});
