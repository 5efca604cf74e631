import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type TreeOptions, type TreeRow, tree } from "../../../src/commands/tree.js";
import { HostPath } from "../../../src/kernel/host-path.js";
import { readNamespaces } from "../../../src/kernel/proc-tasks.js";
import { type LsnsRow, lsns, lsnsText } from "./lsns.js";
import { type Nested, startNested } from "./nested.js";

interface LsnsTree {
  readonly ns: number;
  readonly children?: readonly LsnsTree[];
}

const OWN = readNamespaces(new HostPath(), "self");

let nested: Nested;
before(async () => {
  nested = await startNested();
});
after(() => nested?.stop());

async function keyhole(options: TreeOptions): Promise<TreeRow[]> {
  let text = "";
  assert.equal(await tree({ ...options, output: "json", write: (part) => (text += part) }), 0);
  return JSON.parse(text).namespaces;
}

function comparable(row: TreeRow): LsnsRow {
  assert.ok(
    row.pid !== null && row.ppid !== null && row.uid !== null && row.command !== null,
    JSON.stringify(row),
  );
  const { ns, type, nprocs, pid, ppid, uid, command } = row;
  // of a uid without a name, as a user namespace can have, lsns shows the number
  const user = row.user ?? String(uid);
  return { ns, type, nprocs, pid, ppid, uid, user, pns: row.pns ?? 0, ons: row.ons ?? 0, command };
}

/** The host's namespaces change while both look: what lsns says twice the same is what we must say in between. */
async function compareWithLsns(): Promise<Map<number, TreeRow>> {
  const first = new Map(lsns().map((row) => [row.ns, row]));
  const ours = new Map((await keyhole({})).map((row) => [row.ns, row]));
  const second = new Map(lsns().map((row) => [row.ns, row]));
  let compared = 0;
  for (const [ns, row] of first) {
    const later = second.get(ns);
    if (later === undefined || JSON.stringify(later) !== JSON.stringify(row)) continue;
    assert.ok(ours.has(ns), `${row.type}:[${ns}] is missing`);
    // A process that shortened its title leaves null bytes, which lsns prints as spaces. And lsns runs in the namespaces of this process, where it counts itself and whatever else comes and goes.
    const busy = OWN.includes(ns) ? { nprocs: 0 } : {};
    assert.deepEqual(
      { ...comparable(ours.get(ns)!), ...busy },
      { ...row, ...busy, command: row.command!.trimEnd() },
    );
    compared++;
  }
  assert.ok(compared >= 11, `only ${compared} namespaces stood still`);
  for (const [ns, row] of ours) {
    if (row.nprocs > 0) assert.ok(first.has(ns) || second.has(ns), `${row.type}:[${ns}] is unknown to lsns`);
  }
  return ours;
}

test("says what lsns says of every namespace", async () => {
  const ours = await compareWithLsns();
  for (const pid of [nested.outer, nested.inner]) {
    const theirs = lsns("-p", String(pid));
    assert.equal(theirs.length, 8);
    for (const row of theirs.filter(({ pid: first }) => first === pid)) {
      assert.deepEqual(comparable(ours.get(row.ns)!), row);
    }
  }
});

test("names the superior below which lsns draws a namespace", async () => {
  for (const by of ["owner", "parent"] as const) {
    const text = lsnsText(["-J", `--tree=${by}`, "-o", "NS"]);
    const superiors = new Map<number, number>();
    const walk = (nodes: readonly LsnsTree[], superior: number): void => {
      for (const { ns, children } of nodes) {
        superiors.set(ns, superior);
        walk(children ?? [], ns);
      }
    };
    walk(JSON.parse(text).namespaces, 0);

    const rows = await keyhole({ by });
    const relation = by === "owner" ? "ons" : "pns";
    const inums = [nested.outer, nested.inner].flatMap((pid) => readNamespaces(new HostPath(), pid));
    const own = rows.filter(({ ns }) => inums.includes(ns) && !OWN.includes(ns));
    assert.equal(own.length, by === "owner" ? 11 : 4);
    for (const row of own) assert.equal(row[relation], superiors.get(row.ns), `${row.type}:[${row.ns}]`);
  }
});

test("draws nested namespaces below their superior, in each order", async () => {
  for (const by of ["owner", "parent", "process"] as const) {
    let text = "";
    await tree({ by, type: ["pid", "user"], write: (part) => (text += part) });
    const lines = text.split("\n");
    const depth = (pid: number, type: string): number => {
      const line = lines.find((candidate) => new RegExp(` ${type} +\\d+ +${pid} `).test(candidate));
      assert.ok(line !== undefined, `no ${type} namespace of ${pid} by ${by}:\n${text}`);
      return line.search(/\d/) / 2;
    };
    // By owner a pid namespace stands below its user namespace, else below its parent.
    assert.equal(depth(nested.outer, "pid"), by === "owner" ? 2 : 1);
    assert.equal(depth(nested.inner, "pid"), by === "owner" ? 3 : 2);
    assert.ok(lines[0]?.startsWith("NS "));
  }
});

test("knows the host's, the levels and who made a user namespace", async () => {
  const rows = await keyhole({ type: ["pid", "user"] });
  const row = (pid: number, type: string): TreeRow =>
    rows.find((candidate) => candidate.pid === pid && candidate.type === type)!;
  assert.equal(row(nested.outer, "pid").level, 1);
  assert.equal(row(nested.inner, "pid").level, 2);
  assert.equal(row(nested.inner, "pid").host, false);
  // others may have made user namespaces too
  assert.ok(rows.some(({ type, level, owner_uid }) => type === "user" && level === 1 && owner_uid === 0));
  const top = rows.filter(({ level }) => level === 0);
  assert.deepEqual(
    top
      .map(({ type, init, host, pns }) => ({ type, init, host, pns }))
      .sort((a, b) => (a.type < b.type ? -1 : 1)),
    [
      { type: "pid", init: true, host: true, pns: null },
      { type: "user", init: true, host: true, pns: null },
    ],
  );
});

test("shows only the types that were asked for, without a header where that was asked", async () => {
  let text = "";
  await tree({ type: ["net"], noHeader: true, write: (part) => (text += part) });
  const lines = text.trimEnd().split("\n");
  assert.ok(lines.length >= 2);
  for (const line of lines) assert.match(line, /^\d+ net /);
});
