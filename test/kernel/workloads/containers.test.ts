import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { it } from "node:test";
import { HostPath } from "../../../src/kernel/host-path.js";
import { LINK_INDEX } from "../../../src/kernel/links.js";
import { namespaceId, withNamespace } from "../../../src/kernel/nsfs.js";
import { nsfsSupport } from "../../../src/kernel/nsfs-support.js";
import { readProcTasks } from "../../../src/kernel/proc-tasks.js";
import { NamespaceGraph } from "../../../src/namespaces/graph.js";
import type { Task } from "../../../src/namespaces/task.js";
import { Containers } from "../../../src/workloads/containers.js";

const host = new HostPath();

/** The first process of a new pid namespace, which waits until its stdin ends. */
async function inNewPidNamespace(): Promise<{ readonly parent: ChildProcess; readonly task: Task }> {
  const parent = spawn("unshare", ["--pid", "--fork", "sh", "-c", "echo; exec cat"], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  await once(parent.stdout!, "data");
  const task = readProcTasks(host).find(({ ppid }) => ppid === parent.pid);
  assert.ok(task);
  return { parent, task };
}

async function end({ parent }: { readonly parent: ChildProcess }): Promise<void> {
  const ended = once(parent, "close");
  parent.stdin!.end();
  await ended;
}

/** Inode numbers are used again after a few namespaces at most. */
const ATTEMPTS = 100;

it("a pid namespace with the inode number of one that has ended is another container", async (t) => {
  if (!nsfsSupport().some(({ name, supported }) => name === "NS_GET_ID" && supported)) {
    t.skip("the kernel has no ids of namespaces (before Linux 6.18)");
    return;
  }
  const graph = new NamespaceGraph({ host });
  const containers = new Containers({ host, hostNs: graph.anchors.host, graph });
  const ids = new Map<number, string>();
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const made = await inNewPidNamespace();
    const { task } = made;
    graph.observe(task);
    const found = containers.of(task);
    const id = withNamespace(host.proc(task.pid, "ns/pid"), namespaceId);
    await end(made);
    graph.forget(task.tid);
    assert.ok(id.ok);
    assert.equal(found?.id, `pidns:${id.value}`);
    const inum = task.ns[LINK_INDEX.pid]!;
    const before = ids.get(inum);
    if (before !== undefined) {
      assert.notEqual(found?.id, before);
      return;
    }
    ids.set(inum, found!.id);
  }
  assert.fail(`no inode number was used again in ${ATTEMPTS} namespaces`);
});
