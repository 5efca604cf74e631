import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { HostPath } from "../../../src/kernel/host-path.js";
import { LINK_INDEX } from "../../../src/kernel/links.js";
import { listNamespaces } from "../../../src/kernel/listns.js";
import { namespaceId, openNamespace, withNamespace } from "../../../src/kernel/nsfs.js";
import { readNamespaces } from "../../../src/kernel/proc-tasks.js";
import { NamespaceGraph } from "../../../src/namespaces/graph.js";
import { takeSnapshot } from "../../../src/namespaces/snapshot.js";
import { type Nested, startNested } from "./nested.js";

const host = new HostPath();
let nested: Nested;
before(async () => {
  nested = await startNested();
});
after(() => nested?.stop());

test("a namespace that the kernel lists, and nothing is found to hold, lives until it is listed no more", (t) => {
  const path = host.proc(nested.inner, "ns", "net");
  const id = withNamespace(path, namespaceId);
  if (!id.ok) {
    t.skip("the kernel has no ids of namespaces (before Linux 6.18)");
    return;
  }
  let clock = 1_000;
  const asked: bigint[] = [];
  const openById = (wanted: bigint) => {
    asked.push(wanted);
    return openNamespace(path);
  };
  const graph = new NamespaceGraph({ host, now: () => clock, openById });
  const nothing = { files: null, mounts: null, superblocks: null };
  const inum = readNamespaces(host, nested.inner)[LINK_INDEX.net]!;
  graph.look({ ...nothing, listed: [id.value] });
  const net = graph.get("net", inum)!;
  assert.deepEqual([net.live, net.listed, net.id], [true, true, String(id.value)]);
  assert.equal(net.owner?.level, 1);
  clock = 2_000;
  graph.look({ ...nothing, listed: [id.value] });
  assert.deepEqual(asked, [id.value]);
  clock = 3_000;
  graph.look({ ...nothing, listed: [] });
  assert.deepEqual([net.live, net.listed, net.death], [false, false, { after: 2_000, before: 3_000 }]);
});

test("knows all that the kernel lists", (t) => {
  const first = listNamespaces();
  if (!first.ok) {
    assert.equal(first.errno, "ENOSYS");
    t.skip("the kernel has no listns(2) (before Linux 6.19)");
    return;
  }
  const snapshot = takeSnapshot(host, { tasks: true, openFiles: true, superblocks: true });
  snapshot.close();
  const second = listNamespaces();
  assert.ok(second.ok);
  const known = new Set([...snapshot.graph.all()].filter(({ live }) => live).map(({ id }) => id));
  const stayed = first.value.filter((id) => second.value.includes(id));
  assert.ok(stayed.length >= 8);
  for (const id of stayed) assert.ok(known.has(String(id)), `namespace ${id} is not known`);
  t.diagnostic(`${stayed.length} namespaces compared`);
});
