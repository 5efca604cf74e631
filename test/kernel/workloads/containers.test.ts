import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { it, type TestContext } from "node:test";
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

/** A cgroup whose name no runtime gives; taken away, with all that is in it, after the test. */
function cgroup(t: TestContext, name: string) {
  const unified = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"].find((path) =>
    existsSync(join(path, "cgroup.procs")),
  );
  assert.ok(unified, "the unified hierarchy of cgroups is not mounted");
  const directory = join(unified, name);
  mkdirSync(directory);
  const children: ChildProcess[] = [];
  const pids: number[] = [];
  t.after(async () => {
    for (const pid of pids) process.kill(pid, "SIGKILL");
    await Promise.all(children.map((child) => child.exitCode ?? child.signalCode ?? once(child, "close")));
    await until("nothing is left in the cgroup", () => {
      try {
        rmdirSync(directory);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EBUSY") throw error;
      }
      return !existsSync(directory);
    });
  });
  /** Runs `command` in it. */
  const start = async (command: string): Promise<Task> => {
    const child = spawn("sh", ["-c", `echo $$ >'${directory}/cgroup.procs' && ${command}`], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    children.push(child);
    await once(child.stdout!, "data");
    pids.push(child.pid!);
    return taskOf(({ pid }) => pid === child.pid);
  };
  /** The first process of a new pid namespace in it, whose parent is gone. */
  const orphan = async (): Promise<Task> => {
    const parent = await start("exec unshare --pid --fork sh -c 'echo; exec sleep 1000'");
    const { pid } = taskOf(({ ppid }) => ppid === parent.pid);
    pids.splice(pids.indexOf(parent.pid), 1, pid);
    process.kill(parent.pid, "SIGKILL");
    await until("it has another parent", () => taskOf((task) => task.pid === pid).ppid !== parent.pid);
    return taskOf((task) => task.pid === pid);
  };
  return { directory, start, orphan };
}

function taskOf(is: (task: Task) => boolean): Task {
  const task = readProcTasks(host).find(is);
  assert.ok(task);
  return task;
}

async function until(what: string, holds: () => boolean): Promise<void> {
  for (let attempt = 0; !holds(); attempt++) {
    assert.notEqual(attempt, 500, what);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

it("a cgroup that tasks of the host live in too names no container", async (t) => {
  const name = `keyhole-shared-${process.pid}`;
  const shared = cgroup(t, name);
  const shell = await shared.start("echo && exec sleep 1000");
  const [first, second] = [await shared.orphan(), await shared.orphan()];
  const found = () => {
    const containers = new Containers({ host, hostNs: new NamespaceGraph({ host }).anchors.host });
    return [first, second, shell].map((task) => containers.of(task)?.id ?? null);
  };
  const inums = [first, second].map(({ ns }) => `pidns:${ns[LINK_INDEX.pid]}`);
  assert.deepEqual(found(), [...inums, null]);
  // the host's task leaves it to those that are in namespaces of their own
  writeFileSync(join(shared.directory, "../cgroup.procs"), String(shell.pid));
  assert.deepEqual(found(), [name, name, null]);
});
