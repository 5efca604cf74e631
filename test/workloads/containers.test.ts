import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { HostPath } from "../../src/kernel/host-path.js";
import { NS_LINKS, type NsInums } from "../../src/kernel/links.js";
import type { Task } from "../../src/namespaces/task.js";
import { Containers } from "../../src/workloads/containers.js";
import { representatives } from "../../src/workloads/representatives.js";

const ID = "70df2b1c4e9a8d7f6051423bcd9e8f7a6b5c4d3e2f1a0b9c8d7e6f5a4b3c2d1e";
const HOST_NS: NsInums = NS_LINKS.map((_, index) => 100 + index);
const HOST_ROOT = "27 1 254:0 / / rw - ext4 /dev/vda rw";
const OWN_ROOT = "65 43 254:0 /var/lib/rootfs / rw - ext4 /dev/vda rw";

let root: string;
let nextCgroup: bigint;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "keyhole-containers-"));
  nextCgroup = 1n;
  make(1, { cgroup: "/init.scope" });
});

afterEach(() => rmSync(root, { recursive: true, force: true }));

interface Process {
  /** Path on the unified hierarchy; or all lines. */
  readonly cgroup: string | readonly string[];
  readonly cgroupId?: bigint;
  readonly cgroupV1?: bigint;
  readonly mnt?: number;
  readonly pid?: number;
  readonly ppid?: number;
  readonly root?: string | null;
  readonly start?: bigint;
}

/** Writes what the files of process `pid` say, and returns it as a task. */
function make(pid: number, options: Process): Task {
  const { cgroup, mnt = HOST_NS[0]!, pid: pidNs = HOST_NS[4]!, ppid = 1, start = BigInt(pid) } = options;
  const directory = join(root, "proc", String(pid));
  mkdirSync(join(directory, "ns"), { recursive: true });
  const lines = typeof cgroup === "string" ? [`0::${cgroup}`] : cgroup;
  writeFileSync(join(directory, "cgroup"), lines.map((line) => `${line}\n`).join(""));
  const mounts = options.root === undefined ? (mnt === HOST_NS[0] ? HOST_ROOT : OWN_ROOT) : options.root;
  writeFileSync(
    join(directory, "mountinfo"),
    mounts === null ? "9 5 0:4 / /dev rw - tmpfs t rw\n" : `${mounts}\n`,
  );
  writeFileSync(
    join(directory, "status"),
    `Name:\tx\nTgid:\t${pid}\nPid:\t${pid}\nPPid:\t${ppid}\nUid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nNSpid:\t${pid}\nCapEff:\t0\nCapBnd:\t0\n`,
  );
  const ns = NS_LINKS.map((link, index) => {
    if (link === "mnt") return mnt;
    return link === "pid" || link === "pid_for_children" ? pidNs : HOST_NS[index]!;
  });
  symlinkSync(`mnt:[${mnt}]`, join(directory, "ns", "mnt"));
  symlinkSync(`pid:[${pidNs}]`, join(directory, "ns", "pid"));
  return {
    pid,
    tid: pid,
    ppid,
    start,
    uid: 0,
    gid: 0,
    comm: "x",
    exe: "/x",
    nsPid: pid,
    ns,
    cgroup: options.cgroupId ?? nextCgroup++,
    cgroupV1: options.cgroupV1 ?? 0n,
  };
}

function containers(capacity?: number): Containers {
  return new Containers({
    host: new HostPath(root),
    hostNs: HOST_NS,
    ...(capacity !== undefined && { capacity }),
  });
}

function idOf(options: Process): string | null {
  return containers().of(make(50, options))?.id ?? null;
}

test("a task of the host is in no container, nor is a service with a mount namespace of its own", () => {
  assert.equal(idOf({ cgroup: "/user.slice/user-0.slice/session-3.scope" }), null);
  rmSync(join(root, "proc/50"), { recursive: true });
  assert.equal(idOf({ cgroup: "/system.slice/web.service", mnt: 300, root: HOST_ROOT }), null);
});

test("a kernel thread is in none, although kdevtmpfs has a mount namespace and a root of its own", () => {
  const thread = { cgroup: "/", mnt: 555, root: OWN_ROOT };
  assert.equal(containers().of(make(20, { ...thread, ppid: 2 })), null);
  assert.notEqual(containers().of(make(21, { ...thread, ppid: 1 })), null);
});

test("the name that a runtime gave the cgroup decides, in any hierarchy", () => {
  const cgroup = [
    "4:memory:/",
    `1:name=systemd:/kubepods/besteffort/pod0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9/${ID}`,
    "0::/",
  ];
  assert.deepEqual(containers().of(make(50, { cgroup, mnt: 300, pid: 304 })), {
    id: ID,
    runtime: null,
    name: null,
    image: null,
    pod: { uid: "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9", namespace: null, name: null },
  });
});

test("a pid namespace makes a container, named after its cgroup", () => {
  assert.equal(idOf({ cgroup: "/mine", mnt: 300, pid: 304 }), "mine");
});

test("the deepest path over all hierarchies names it", () => {
  assert.equal(idOf({ cgroup: ["4:memory:/a/b/deep", "2:cpu:/flat", "0::/"], pid: 304 }), "deep");
});

test("a root of its own makes a container in the host's pid namespace", () => {
  assert.equal(idOf({ cgroup: "/mine", mnt: 300 }), "mine");
});

test("where the cgroup is the host's too, the namespace names it", () => {
  assert.equal(idOf({ cgroup: "/", mnt: 300, pid: 304 }), "pidns:304");
  for (const [pid, cgroup] of [
    "/system.slice/ssh.service",
    "/user.slice/user-0.slice/session-3.scope",
  ].entries()) {
    assert.equal(containers().of(make(60 + pid, { cgroup, pid: 304 }))?.id, "pidns:304");
  }
  assert.equal(containers().of(make(70, { cgroup: "/init.scope", mnt: 300 }))?.id, "mntns:300");
});

test("an unshare in somebody's session does not give its name to the session's cgroup", () => {
  make(40, { cgroup: "/session" });
  make(41, { cgroup: "/session", mnt: 300, ppid: 40, root: HOST_ROOT });
  const inside = make(42, { cgroup: "/session", mnt: 300, pid: 304, ppid: 41, cgroupId: 9n });
  const found = containers();
  assert.equal(found.of(inside)?.id, "pidns:304");
  assert.equal(found.of(make(43, { cgroup: "/session", ppid: 40, cgroupId: 9n })), null);
});

test("a task that enters the host's namespaces stays in its container", () => {
  const found = containers();
  const init = make(50, { cgroup: "/mine", mnt: 300, pid: 304, cgroupId: 9n });
  assert.equal(found.of(init)?.id, "mine");
  const escaped = make(51, { cgroup: "/mine", ppid: 50, cgroupId: 9n });
  assert.equal(found.of(escaped)?.id, "mine");
});

test("a task that entered a container's namespaces from the host is in that container", () => {
  make(40, { cgroup: "/session" });
  const found = containers();
  const init = make(50, { cgroup: `/docker/${ID}`, mnt: 300, pid: 304 });
  assert.equal(found.of(init)?.id, ID);
  const entered = [
    make(60, { cgroup: "/session", ppid: 40, cgroupId: 9n, mnt: 300, pid: 304 }),
    make(61, { cgroup: "/session", ppid: 40, cgroupId: 9n, mnt: 300 }),
    make(62, { cgroup: "/session", ppid: 40, cgroupId: 9n, pid: 304 }),
    // nsenter --pid unshare --mount
    make(63, { cgroup: "/session", ppid: 40, cgroupId: 9n, mnt: 999, pid: 304 }),
  ];
  for (const task of entered) assert.equal(found.of(task), found.of(init), `task ${task.pid}`);
  assert.equal(found.of(make(64, { cgroup: "/session", ppid: 40, cgroupId: 9n })), null);
});

test("it is so although the task was asked about before those of the container", () => {
  make(40, { cgroup: "/session" });
  const found = containers();
  const entered = make(45, { cgroup: "/session", ppid: 40, cgroupId: 9n, mnt: 300, pid: 304 });
  const init = make(50, { cgroup: "/mine", mnt: 300, pid: 304 });
  const chosen = representatives([entered, init], (task) => found.of(task), HOST_NS);
  assert.deepEqual(
    chosen.map(({ container, task }) => [container.id, task?.pid]),
    [["mine", 50]],
  );
  assert.equal(found.of(entered)?.id, "mine");
});

test("a namespace made inside of a container belongs to it; of a shared one the mount namespace tells whose it is", () => {
  make(40, { cgroup: "/session" });
  const found = containers();
  const inSession = { cgroup: "/session", ppid: 40, cgroupId: 9n };
  found.of(make(50, { cgroup: "/pause", mnt: 300, pid: 304 }));
  found.of(make(51, { cgroup: "/app", mnt: 310, pid: 304 }));
  found.of(make(52, { cgroup: "/app", mnt: 320, pid: 314 }));
  assert.equal(found.of(make(60, { ...inSession, mnt: 310, pid: 304 }))?.id, "app");
  assert.equal(found.of(make(61, { ...inSession, pid: 304 }))?.id, "pause");
  assert.equal(found.of(make(62, { ...inSession, pid: 314 }))?.id, "app");
});

test("an inode number that was given away belongs to nobody, and a container that lives gets its own back", () => {
  make(40, { cgroup: "/session" });
  const found = containers();
  const ns = { mnt: 300, pid: 304 };
  found.of(make(50, { cgroup: "/mine", cgroupId: 8n, ...ns }));
  const other = make(51, { cgroup: "/mine", cgroupId: 8n, ...ns });
  const entered = make(60, { cgroup: "/session", ppid: 40, cgroupId: 9n, ...ns });
  assert.equal(found.of(entered)?.id, "mine");
  rmSync(join(root, "proc/50"), { recursive: true });
  assert.equal(found.of(entered)?.id, "pidns:304");
  assert.equal(found.of(other)?.id, "mine");
  assert.equal(found.of(entered)?.id, "mine");
});

test("the host's namespaces belong to no container, whoever is in them", () => {
  const found = containers();
  found.of(make(50, { cgroup: `/docker/${ID}`, cgroupId: 8n }));
  assert.equal(found.of(make(51, { cgroup: "/", cgroupId: 9n, mnt: 300 }))?.id, "mntns:300");
});

test("what is known is not read again, whichever task asks", () => {
  const found = containers();
  const ns = { mnt: 300, pid: 304 };
  const first = found.of(make(50, { cgroup: "/mine", cgroupId: 9n, ...ns }));
  assert.equal(found.of({ ...make(51, { cgroup: "/mine", cgroupId: 9n, ...ns }), pid: 99_999 }), first);
  assert.equal(found.reads, 1);
  const onHost = make(52, { cgroup: "/system.slice/x.service", cgroupId: 10n });
  assert.equal(found.of(onHost), null);
  assert.equal(found.of(onHost), null);
  assert.equal(found.reads, 2);
});

test("the namespaces and both cgroups are part of what is known", () => {
  const found = containers();
  const ids = [
    found.of(make(50, { cgroup: "/", cgroupId: 1n, pid: 304 })),
    found.of(make(51, { cgroup: "/", cgroupId: 1n, pid: 305 })),
    found.of(make(52, { cgroup: ["4:memory:/a", "0::/"], cgroupId: 1n, cgroupV1: 7n, pid: 305 })),
  ];
  assert.deepEqual(
    ids.map((container) => container?.id),
    ["pidns:304", "pidns:305", "a"],
  );
});

test("of a task that is gone nothing is known or remembered", () => {
  const found = containers();
  const task = make(50, { cgroup: "/mine", cgroupId: 9n, pid: 304 });
  rmSync(join(root, "proc/50"), { recursive: true });
  assert.equal(found.of(task), null);
  assert.equal(found.size, 0);
  make(50, { cgroup: "/mine", cgroupId: 9n, pid: 304 });
  assert.equal(found.of(task)?.id, "mine");
});

test("a task that is gone is in the container that its namespaces belong to, or that its pid namespace makes", () => {
  const found = containers();
  const gone = (pid: number, options: Process) => {
    const task = make(pid, options);
    rmSync(join(root, "proc", String(pid)), { recursive: true });
    return found.of(task)?.id ?? null;
  };
  found.of(make(50, { cgroup: "/mine", cgroupId: 9n, mnt: 300, pid: 304 }));
  assert.equal(gone(51, { cgroup: "/", cgroupId: 8n, mnt: 300 }), "mine");
  assert.equal(gone(52, { cgroup: "/", cgroupId: 8n, mnt: 310, pid: 304 }), "mine");
  // nobody knows what its cgroup names
  assert.equal(gone(53, { cgroup: "/", cgroupId: 8n, mnt: 310, pid: 305 }), null);
  assert.equal(found.of(make(54, { cgroup: "/init.scope", cgroupId: 8n })), null);
  assert.equal(gone(55, { cgroup: "/", cgroupId: 8n, mnt: 310, pid: 305 }), "pidns:305");
  // a mount namespace alone may be that of a service
  assert.equal(gone(56, { cgroup: "/", cgroupId: 8n, mnt: 310 }), null);
  assert.equal(found.size, 2);
});

test("a container that its runtime had not yet described is named later, and is the same object until then", () => {
  const found = containers();
  const pod = "pod0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9";
  const cgroup = `/kubepods/besteffort/${pod}/${ID}`;
  const init = make(50, { cgroup, cgroupId: 9n, mnt: 300, pid: 304 });
  const other = make(51, { cgroup, cgroupId: 9n, mnt: 301, pid: 304 });
  const before = found.of(init);
  assert.equal(found.of(other), before);
  assert.deepEqual(found.nameAgain(), []);
  const bundle = join(root, "run/containerd/io.containerd.runtime.v2.task/k8s.io", ID);
  mkdirSync(bundle, { recursive: true });
  const annotations = { "io.kubernetes.cri.sandbox-namespace": "shop" };
  writeFileSync(join(bundle, "config.json"), JSON.stringify({ ociVersion: "1.1.0", annotations }));
  assert.equal(found.of(init), before);
  assert.deepEqual(found.nameAgain(), [ID]);
  const named = found.of(init);
  assert.equal(named?.pod?.namespace, "shop");
  assert.equal(found.of(other), named);
  assert.equal(found.owning(init.ns), named);
  assert.deepEqual(found.nameAgain(), []);
  assert.equal(found.reads, 2);
});

test("a task that made a namespace and is gone is in the container that its cgroup names", () => {
  const found = containers();
  found.of(make(50, { cgroup: "/mine", cgroupId: 9n, mnt: 300, pid: 304 }));
  const gone = make(51, { cgroup: "/mine", cgroupId: 9n, mnt: 310, pid: 304, ppid: 50 });
  rmSync(join(root, "proc/51"), { recursive: true });
  assert.equal(found.of(gone)?.id, "mine");
  assert.equal(found.size, 1);
});

test("a cgroup that a runtime moved the first process of a container out of does not bear the container's name", () => {
  const memory = new Map([[50, 9n]]);
  const found = new Containers({
    host: new HostPath(root),
    hostNs: HOST_NS,
    cgroupsOf: (pid) => ({ unified: 1n, memory: memory.get(pid) ?? 7n }),
  });
  const shared = { cgroupId: 1n, cgroupV1: 7n };
  const lines = ["4:memory:/mine", "0::/"];
  assert.equal(found.of(make(50, { ...shared, cgroup: lines, mnt: 300, pid: 304 }))?.id, "mine");
  const service = make(60, { ...shared, cgroup: "/", mnt: 310, root: HOST_ROOT });
  assert.equal(found.of(service), null);
  // a child of it, whose parent is not in the host's namespaces
  assert.equal(found.of(make(61, { ...shared, cgroup: "/", mnt: 311, root: HOST_ROOT, ppid: 60 })), null);
  // in its own cgroup it is known by it
  rmSync(join(root, "proc/50"), { recursive: true });
  const { reads } = found;
  const init = make(50, { ...shared, cgroupV1: 9n, cgroup: lines, mnt: 300, pid: 304 });
  assert.equal(found.of(init)?.id, "mine");
  assert.equal(found.of(init)?.id, "mine");
  assert.equal(found.reads, reads + 1);
});

test("namespaces are the container's that was found in them, whoever is there", () => {
  const found = containers();
  const init = make(50, { cgroup: "/mine", cgroupId: 9n, mnt: 300, pid: 304 });
  assert.equal(found.owning(init.ns), null);
  found.of(init);
  assert.equal(found.owning(init.ns)?.id, "mine");
  assert.equal(found.owning(make(51, { cgroup: "/", mnt: 300 }).ns)?.id, "mine");
  assert.equal(found.owning(make(52, { cgroup: "/" }).ns), null);
});

test("a task in a chroot cannot be told by its root, and is asked about again", () => {
  const found = containers();
  assert.equal(found.of(make(50, { cgroup: "/mine", mnt: 300, cgroupId: 9n, root: null })), null);
  assert.equal(found.size, 0);
});

test("namespaces that may not be read make no container", () => {
  assert.equal(containers().of({ ...make(50, { cgroup: "/mine" }), ns: NS_LINKS.map(() => 0) }), null);
});

test("memory is bounded and evictions are counted", () => {
  const found = containers(8);
  for (let number = 0; number < 20; number++) {
    found.of(make(50 + number, { cgroup: `/c${number}`, pid: 400 + number, cgroupId: BigInt(number + 1) }));
  }
  assert.equal(found.size, 8);
  assert.equal(found.evictions, 12);
});

test("one cgroup that makes namespaces without end does not drown the others", () => {
  const found = containers();
  const quiet = make(49, { cgroup: "/quiet", pid: 304, cgroupId: 8n });
  found.of(quiet);
  const flood = make(50, { cgroup: "/flood", pid: 305, cgroupId: 9n });
  for (let mnt = 1000; mnt < 1200; mnt++) found.of({ ...flood, ns: [mnt, ...flood.ns.slice(1)] });
  assert.equal(found.size, 65);
  assert.equal(found.evictions, 200 - 64);
  const { reads } = found;
  found.of(quiet);
  assert.equal(found.reads, reads);
});

test("the task that started first stands for its container", () => {
  const ns = { mnt: 300, pid: 304, cgroup: "/mine", cgroupId: 9n };
  const tasks = [
    make(52, { ...ns, start: 20n }),
    make(53, { ...ns, start: 10n }),
    make(50, { cgroup: `/docker/${ID}`, cgroupId: 10n, start: 1n }),
    make(54, { cgroup: "/system.slice/x.service", cgroupId: 11n }),
    {
      ...make(51, { ...ns, start: 5n }),
      ns: NS_LINKS.map((_, index) => (index === 4 ? 304 : HOST_NS[index]!)),
    },
  ];
  const found = containers();
  const chosen = representatives(tasks, (task) => found.of(task), HOST_NS);
  assert.deepEqual(
    chosen.map(({ container, task }) => [container.id, task?.pid ?? null]),
    [
      ["mine", 53],
      [ID, null],
    ],
  );
});

/** What a namespace graph knows: ids by inode number, which can be given to another namespace. */
class Names {
  readonly #known = new Map<string, { id: string | null }>();

  set(type: "mnt" | "pid", inum: number, id: string | null): void {
    this.#known.set(`${type}:${inum}`, { id });
  }

  get(type: "mnt" | "pid", inum: number): { readonly id: string | null } | undefined {
    return this.#known.get(`${type}:${inum}`);
  }
}

function withGraph(graph: Names): Containers {
  return new Containers({ host: new HostPath(root), hostNs: HOST_NS, graph });
}

test("a namespace is named by the id that no other is given, where the kernel has one", () => {
  const graph = new Names();
  graph.set("pid", 304, "9001");
  graph.set("mnt", 300, "9002");
  const found = withGraph(graph);
  assert.equal(found.of(make(50, { cgroup: "/", mnt: 300, pid: 304 }))?.id, "pidns:9001");
  assert.equal(found.of(make(51, { cgroup: "/", mnt: 300 }))?.id, "mntns:9002");
  // as with Linux before 6.18: mount namespaces alone have ids
  graph.set("pid", 305, null);
  assert.equal(found.of(make(52, { cgroup: "/", pid: 305 }))?.id, "pidns:305");
});

test("what was known of a namespace is not said of the next one with its inode number", () => {
  for (const [before, after] of [
    ["9001", "9005"],
    [null, null],
  ] as const) {
    const graph = new Names();
    graph.set("pid", 304, before);
    const found = withGraph(graph);
    const ns = { cgroup: "/system.slice/cron.service", cgroupId: 8n, pid: 304 };
    const first = found.of(make(50, ns));
    assert.equal(first?.id, before === null ? "pidns:304" : "pidns:9001");
    assert.equal(found.of(make(51, ns)), first);
    assert.equal(found.reads, 1);
    graph.set("pid", 304, after);
    const second = found.of(make(52, ns));
    assert.equal(found.reads, 2);
    assert.equal(second?.id, after === null ? "pidns:304" : "pidns:9005");
    for (const pid of [50, 51, 52]) rmSync(join(root, "proc", String(pid)), { recursive: true });
  }
});

test("a namespace with an id belongs to its container without anybody being asked, and no other takes its place", () => {
  make(40, { cgroup: "/session" });
  const graph = new Names();
  graph.set("mnt", 300, "9001");
  graph.set("pid", 304, "9002");
  const found = withGraph(graph);
  const ns = { mnt: 300, pid: 304 };
  found.of(make(50, { cgroup: "/mine", cgroupId: 8n, ...ns }));
  const inSession = { cgroup: "/session", ppid: 40, cgroupId: 9n, ...ns };
  // whoever was asked about has ended; others are still in the namespaces
  rmSync(join(root, "proc/50"), { recursive: true });
  assert.equal(found.of(make(60, inSession))?.id, "mine");
  graph.set("mnt", 300, "9003");
  graph.set("pid", 304, "9004");
  assert.equal(found.of(make(61, inSession))?.id, "pidns:9004");
});
