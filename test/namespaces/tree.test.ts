import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { type TreeOptions, tree } from "../../src/commands/tree.js";
import { TREE_COLUMNS } from "../../src/commands/tree-columns.js";
import type { NsInums } from "../../src/kernel/links.js";
import type { Task } from "../../src/namespaces/task.js";
import { neutralise } from "../../src/publish/neutral.js";
import { parseDot, parseMermaid } from "./drawings.js";

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
    path: `${hostRoot}/proc/1/ns/pid`,
    id: null,
    level: null,
    owner_uid: null,
    host: false,
    init: false,
    container: null,
    pod: null,
    fds: null,
    binds: null,
    procfs: null,
    nsfs: null,
    first_seen: null,
    command: "comm-1",
  });
  assert.match(await print(tasks, { type: ["pid"], noHeader: true }), /^14 pid 1 1 4711 - - - comm-1\n$/);
});

test("columns and the members of JSON have the same names and order", async () => {
  const tasks = [task(1, 0, HOST)];
  const all = Object.keys(JSON.parse(await print(tasks, { output: "json" })).namespaces[0]);
  assert.deepEqual(
    all,
    TREE_COLUMNS.map(({ key }) => key),
  );
  const columns = all.map((key) => key.toUpperCase().replaceAll("_", "-")).join(",");
  const [header] = (await print(tasks, { columns })).split("\n");
  assert.deepEqual(header!.trim().split(/ +/), columns.split(","));
  const chosen = JSON.parse(await print(tasks, { output: "json", columns: "owner-uid,NS" })).namespaces[0];
  assert.deepEqual(Object.keys(chosen), ["owner_uid", "ns"]);
  assert.match(await print(tasks, { columns: "+ppid,NS" }), /^NS +TYPE .* COMMAND +PPID\n/);
});

test("a column that does not exist is refused with the list and what was meant", async () => {
  for (const columns of ["NS,NPROC", "", "NS,,PID", "+"]) {
    await assert.rejects(print([], { columns }), {
      code: "KEYHOLE_TREE_COLUMN",
      expected: /^NS, TYPE, NPROCS, /,
    });
  }
  await assert.rejects(print([], { columns: "NS,NPROC" }), { hint: "did you mean NPROCS?" });
});

test("a list has no branches and is in the order of the inode numbers", async () => {
  const tasks = [task(1, 0, HOST), task(5, 1, HOST.with(0, 3)), task(6, 1, HOST.with(5, 20))];
  const text = await print(tasks, { list: true, noHeader: true });
  const inums = text
    .trimEnd()
    .split("\n")
    .map((line) => line.split(" ")[0]);
  assert.deepEqual(inums, ["3", "10", "11", "12", "13", "14", "15", "16", "17", "20"]);
});

test("a filter chooses by any column, and what it leaves out takes nothing along", async () => {
  const tasks = [
    task(1, 0, HOST),
    task(5, 1, HOST.with(0, 20)),
    task(9, 5, HOST.with(0, 30)),
    task(10, 9, HOST.with(0, 30), { comm: "other" }),
  ];
  const drawn = async (filter: string): Promise<string[]> => {
    const text = await print(tasks, { type: ["mnt"], by: "process", filter, columns: "NS" });
    return text.split("\n").slice(1, -1);
  };
  assert.deepEqual(await drawn("nprocs > 0"), ["10", "└─20", "  └─30"]);
  assert.deepEqual(await drawn("ns != 20"), ["10", "└─30"]);
  assert.deepEqual(await drawn("command.glob('comm-?') && pid > 1"), ["20", "└─30"]);
  assert.deepEqual(await drawn("type == 'net'"), []);
  await assert.rejects(drawn("comand == 'x'"), { code: "KEYHOLE_CONDITION", hint: "did you mean command?" });
});

test("only the namespaces of a process, of all its threads", async () => {
  const tasks = [
    task(1, 0, HOST),
    task(5, 1, HOST.with(0, 20)),
    task(5, 1, HOST.with(1, 21), { tid: 6 }),
    task(9, 1, HOST.with(2, 22)),
  ];
  const text = await print(tasks, { pid: 5, list: true, columns: "NS", noHeader: true });
  assert.deepEqual(text.trimEnd().split("\n"), ["10", "11", "12", "13", "14", "15", "16", "17", "20", "21"]);
  assert.equal(
    await print(tasks, { pid: 6, list: true, columns: "NS", noHeader: true }).then(
      (t) => t.split("\n").length,
    ),
    9,
  );
  await assert.rejects(print(tasks, { pid: 4 }), { code: "KEYHOLE_TREE_TARGET" });
});

test("a watch cannot draw, and says so before it begins", async () => {
  await assert.rejects(print([], { watch: 1, output: "dot" }), { code: "KEYHOLE_TREE_WATCH" });
});

/** What a process could call itself to get out of a label, a string or a line. */
const HOSTILE = [
  '"]',
  '"];\nend --> x["',
  "\\",
  '\\"',
  "\x1b[2J\r\n",
  "`**bold**`",
  "<img src=x>",
  "#quot;",
  "%%{init: {}}%%",
  "\u202e",
];

test("what a process calls itself stays within a label of dot", async () => {
  const tasks = [
    task(1, 0, HOST),
    ...HOSTILE.map((comm, index) => task(index + 2, 1, HOST.with(0, 20 + index), { comm })),
  ];
  const graph = parseDot(await print(tasks, { type: ["mnt"], by: "process", output: "dot" }));
  assert.equal(graph.nodes.size, 1 + HOSTILE.length);
  assert.deepEqual(
    graph.edges,
    HOSTILE.map((_, index) => ["mnt_10", `mnt_${20 + index}`]),
  );
  for (const [index, comm] of HOSTILE.entries()) {
    assert.equal(
      graph.nodes.get(`mnt_${20 + index}`),
      `mnt:[${20 + index}]\nNPROCS 1\nPID ${index + 2}\nCOMMAND ${neutralise(comm)}\n`,
    );
  }
});

test("what a process calls itself stays within a label of Mermaid", async () => {
  const tasks = [
    task(1, 0, HOST),
    ...HOSTILE.map((comm, index) => task(index + 2, 1, HOST.with(0, 20 + index), { comm })),
  ];
  const graph = parseMermaid(await print(tasks, { type: ["mnt"], by: "process", output: "mermaid" }));
  assert.equal(graph.nodes.size, 1 + HOSTILE.length);
  assert.equal(graph.edges.length, HOSTILE.length);
  for (const [index, comm] of HOSTILE.entries()) {
    assert.equal(
      graph.nodes
        .get(`mnt_${20 + index}`)!
        .split("\n")
        .at(-1),
      `COMMAND ${neutralise(comm)}`,
    );
  }
});
