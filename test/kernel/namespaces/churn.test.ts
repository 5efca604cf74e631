import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { promisify } from "node:util";
import type { SyscallEvent } from "../../../src/event.js";
import { HostPath } from "../../../src/kernel/host-path.js";
import { isSince } from "../../../src/kernel/release.js";
import { takeSnapshot } from "../../../src/namespaces/snapshot.js";
import { buildProgram } from "../../programs/build.js";
import { Agent } from "../capture/agent.js";

const run = promisify(execFile);

/** Containers that come and go in a second, and how long they do; CHURN_SECONDS=60 for a longer look. */
const RATE = 200;
const SECONDS = Number(process.env.CHURN_SECONDS ?? "15");
/** Of the agent's inventories, milliseconds; the graph is at rest when two of them are over. */
const INTERVAL = 500;
const NAMESPACES = ["mnt", "uts", "ipc", "pid"] as const;

const churn = buildProgram("churn.c");

interface Described {
  readonly type: string;
  readonly inum: number;
  readonly id: string | null;
  readonly parent: number | null;
  readonly owner: number | null;
  readonly owner_uid: number | null;
  readonly level: number | null;
  readonly members: number;
  readonly birth: { readonly pid: number } | null;
}

async function get<T>(address: string, path: string): Promise<T> {
  const response = await fetch(`http://${address}${path}`);
  assert.equal(response.status, 200, path);
  return (await response.json()) as T;
}

/** What identifies a namespace and what is known of it, as text; of those that no process is in a look may come too late. */
function lines(namespaces: Iterable<Described>): Map<string, string> {
  const found = new Map<string, string>();
  for (const { type, inum, id, parent, owner, owner_uid, level, members } of namespaces) {
    if (members > 0)
      found.set(`${type}:[${inum}]`, JSON.stringify([id, parent, owner, owner_uid, level, members]));
  }
  return found;
}

function fresh(): Map<string, string> {
  const snapshot = takeSnapshot(new HostPath(), { tasks: true });
  snapshot.close();
  const live = [...snapshot.graph.all()].filter(({ live }) => live);
  return lines(
    live.map((one) => ({
      ...one,
      ...{ type: one.type, inum: one.inum, birth: null },
      parent: one.parent?.inum ?? null,
      owner: one.owner?.inum ?? null,
      owner_uid: one.ownerUid,
    })),
  );
}

test(`${RATE} containers a second for ${SECONDS} s leave nothing behind, and each was known`, async (context) => {
  const agent = await Agent.start(["--listen", "127.0.0.1:0", "--inventory-interval", `${INTERVAL}ms`]);
  try {
    const [started] = agent.events as readonly { readonly listen?: string }[];
    const address = started!.listen!;
    const running = run(churn, [String(RATE), String(SECONDS * 1_000)]);
    const { pid } = running.child;
    const { stdout } = await running;
    const count = Number(stdout);
    assert.equal(count, RATE * SECONDS);
    const clones = () => agent.syscalls(({ syscall, process }) => syscall === "clone" && process.pid === pid);
    await agent.until("every clone", () => clones().length === count);

    const seen = new Set<string>();
    for (const event of clones()) for (const name of newNamespaces(event)) seen.add(name);
    // an inode number is used again at once, an id never
    if (isSince(6, 18)) assert.equal(seen.size, count * NAMESPACES.length);

    await setTimeout(3 * INTERVAL);
    let compared = 0;
    for (let look = 0; look < 5 && compared === 0; look++) {
      const before = fresh();
      const { namespaces } = await get<{ namespaces: Described[] }>(address, "/v1/namespaces");
      const after = fresh();
      for (const one of namespaces)
        assert.notEqual(one.birth?.pid, pid, `${one.type}:[${one.inum}] is still held`);
      const known = lines(namespaces);
      for (const [name, line] of before) {
        if (after.get(name) !== line) continue;
        assert.equal(known.get(name), line, name);
        compared++;
      }
    }
    assert.ok(compared >= 8, `${compared} namespaces stayed the same while they were compared`);
    context.diagnostic(`${count} containers; ${compared} namespaces compared at rest`);

    const mounts = await get<{ mount_namespaces: { ns: number }[] }>(address, "/v1/mounts");
    const links = new Set([...fresh().keys()].filter((name) => name.startsWith("mnt:")));
    const left = mounts.mount_namespaces.filter(({ ns }) => !links.has(`mnt:[${ns}]`));
    assert.deepEqual(left, []);
    const metrics = await (await fetch(`http://${address}/metrics`)).text();
    assert.match(metrics, /^keyhole_stories_open 0$/m);
    assert.doesNotMatch(metrics, /^keyhole_inventory_corrections_total\{.*\} [^0]/m);
    assert.deepEqual(
      agent.events.filter(({ type }) => type === "lost"),
      [],
    );
  } finally {
    assert.equal(await agent.stop(), 0);
  }
});

/** Ids, or where there are none inode numbers, of what the call made. */
function newNamespaces(event: SyscallEvent): string[] {
  const child = event.outcome?.child?.namespaces;
  assert.ok(child !== undefined, `nothing is known of the child of seq ${event.seq}`);
  return NAMESPACES.map((type) => {
    const made = child[type];
    assert.ok(made !== undefined && made.inum !== event.namespaces[type]?.inum, `${event.seq}: ${type}`);
    if (isSince(6, 18)) assert.notEqual(made.id, null, `${event.seq}: ${type}`);
    return `${type} ${made.id ?? made.inum}`;
  });
}
