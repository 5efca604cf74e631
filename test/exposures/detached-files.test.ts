import assert from "node:assert/strict";
import { test } from "node:test";
import { type DetachedSources, detachedByContainer, sameFiles } from "../../src/exposures/detached-files.js";
import { procFdDetached } from "../../src/exposures/rules/proc-fd-detached.js";
import type { ProcfsFile } from "../../src/namespaces/open-files.js";
import type { Task } from "../../src/namespaces/task.js";
import { runcMounts } from "../mounts/mountinfo-text.js";
import { container, HOST_NS } from "./container.js";

const TASK = container(runcMounts()).task;
const SOURCES: DetachedSources = {
  hostNs: HOST_NS,
  taskOf: (pid): Task => ({ ...TASK, pid, tid: pid }),
  containerOf: () => "c1",
};
const held = (count: number): ProcfsFile[] =>
  Array.from({ length: count }, (_, fd) => ({
    ...{ pid: 4242, fd, dev: "0:77", mountId: "9", detached: true, root: true },
  }));

test("of many descriptors on a detached procfs some are looked at, and the finding says how many are not", () => {
  const found = detachedByContainer(held(100), SOURCES).get("c1")!;
  assert.deepEqual([found.files.length, found.omitted], [64, 36]);
  assert.equal(sameFiles(found, detachedByContainer(held(100), SOURCES).get("c1")), true);
  assert.equal(sameFiles(found, detachedByContainer(held(101), SOURCES).get("c1")), false);
  const detached = found.files.map((file) => ({ ...file, shows: "own" as const, subset: null }));
  const view = { ...container(runcMounts(), { detached }), detachedOmitted: found.omitted };
  const [first, second] = procFdDetached.evaluate(view);
  assert.equal(first!.evidence[0]!.fact, "there are 100 such descriptors, of which 36 were not looked at");
  assert.match(second!.evidence[0]!.fact, /^descriptor 1 of process 4242/);
});
