import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { HostPath } from "../../../src/kernel/host-path.js";
import { LINK_INDEX, NS_TYPES } from "../../../src/kernel/links.js";
import { readNamespaces } from "../../../src/kernel/proc-tasks.js";
import type { Namespace } from "../../../src/namespaces/namespace.js";
import { type NodeSnapshot, takeSnapshot } from "../../../src/namespaces/snapshot.js";
import { Bundles } from "../exposures/bundle.js";
import { type LsnsRow, recentLsns } from "./lsns.js";
import { DEPTH, type RunningScene, startScene } from "./scene.js";

const host = new HostPath();
/** Those of the test, and with it of everything that comes and goes meanwhile. */
const OWN = readNamespaces(host, "self");

/** Zombies too: lsns counts them. */
const WANTS = { tasks: true, zombies: true, openFiles: true, superblocks: true };

let scene: RunningScene;
let bundles: Bundles;
const containers: number[] = [];
before(async () => {
  scene = await startScene();
  bundles = new Bundles();
  for (const userns of [false, true]) {
    containers.push(bundles.run(`keyhole-equality-${process.pid}-${userns}`, { userns }));
  }
});
after(async () => {
  bundles?.[Symbol.dispose]();
  await scene?.stop();
});

type Comparable = Pick<LsnsRow, "ns" | "type" | "nprocs" | "pid" | "pns" | "ons">;

/** What lsns has to say of a namespace too: it does not look at threads. */
function describe({ tasks }: NodeSnapshot, { inum, type, parent, owner }: Namespace): Comparable {
  const pids = tasks
    .filter(({ pid, tid, ns }) => pid === tid && ns[LINK_INDEX[type]] === inum)
    .map(({ pid }) => pid);
  return {
    ns: inum,
    type,
    nprocs: pids.length,
    pid: pids.length === 0 ? null : Math.min(...pids),
    pns: parent?.inum ?? 0,
    ons: owner?.inum ?? 0,
  };
}

function comparable({ ns, type, nprocs, pid, pns, ons }: LsnsRow): Comparable {
  return { ns, type, nprocs, pid, pns, ons };
}

/** The number of processes in the namespaces of the test changes while both count. */
function settled(row: Comparable): Comparable {
  return OWN.includes(row.ns) ? { ...row, nprocs: 0 } : row;
}

test("says of every namespace what lsns says before and after", (t) => {
  const first = new Map(recentLsns().map((row) => [row.ns, row]));
  const snapshot = takeSnapshot(host, WANTS);
  const second = new Map(recentLsns().map((row) => [row.ns, row]));
  snapshot.close();
  const later = takeSnapshot(host, WANTS);
  later.close();
  assert.deepEqual([snapshot.via, snapshot.incomplete], ["bpf", []]);
  const ours = new Map([...snapshot.graph.all()].filter(({ live }) => live).map((one) => [one.inum, one]));

  const byType = new Map<string, number>();
  let without = 0;
  for (const [ns, row] of first) {
    const again = second.get(ns);
    const expected = settled(comparable(row));
    if (again === undefined || JSON.stringify(settled(comparable(again))) !== JSON.stringify(expected))
      continue;
    const namespace = ours.get(ns);
    assert.ok(namespace !== undefined, `${row.type}:[${ns}] is missing`);
    assert.deepEqual(settled(describe(snapshot, namespace)), expected);
    byType.set(row.type, (byType.get(row.type) ?? 0) + 1);
    if (row.pid === null) without++;
  }
  const compared = [...byType.values()].reduce((sum, count) => sum + count, 0);
  t.diagnostic(`${compared} namespaces compared, of them ${without} without a process`);
  assert.deepEqual([...byType.keys()].sort(), [...NS_TYPES].sort());
  assert.ok(byType.get("pid")! > DEPTH && byType.get("user")! > DEPTH, [...byType].join(" "));
  const ofContainers = containers
    .flatMap((pid) => readNamespaces(host, pid))
    .filter((ns) => !OWN.includes(ns));
  assert.ok(ofContainers.length >= 2 * 5);
  for (const ns of ofContainers) assert.ok(first.has(ns) && ours.has(ns), `${ns} of a container`);
  // bound, opened with its owner, and that of the socket
  assert.ok(without >= 5, `only ${without} without a process`);

  // the other way round: what lsns lacks is held in other mount namespaces, or by threads, or came and went
  for (const { inum, type, members, binds, procfs, id } of ours.values()) {
    const stays = later.graph.get(type, inum);
    if (first.has(inum) || second.has(inum) || stays?.live !== true || stays.id !== id) continue;
    const isThread = snapshot.tasks.some(({ pid, tid, ns }) => pid !== tid && ns[LINK_INDEX[type]] === inum);
    assert.ok(isThread || (members === 0 && binds + procfs > 0), `${type}:[${inum}] is unknown to lsns`);
  }
});

test("stands each of five nested namespaces in the next", () => {
  const snapshot = takeSnapshot(host, { tasks: true });
  snapshot.close();
  for (const [level, { pid, user }] of scene.nested.entries()) {
    const above = scene.nested[level - 1];
    const own = snapshot.graph.get("pid", pid);
    assert.equal(own?.level, level + 1);
    assert.equal(own?.owner?.inum, user);
    assert.equal(own?.parent?.inum, above?.pid ?? OWN[LINK_INDEX.pid]);
    assert.equal(own?.owner?.level, level + 1);
    assert.equal(own?.owner?.parent?.inum, above?.user ?? OWN[LINK_INDEX.user]);
  }
  assert.equal(snapshot.graph.stats().unresolved, 0);
});
