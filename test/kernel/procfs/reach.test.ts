import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { statSync } from "node:fs";
import { after, before, test } from "node:test";
import { type ContainerReach, surveyReach } from "../../../src/commands/procfs-reach.js";
import { surveyNode } from "../../../src/commands/procfs-survey.js";
import { kinOf } from "../../../src/exposures/kin.js";
import type { Reach } from "../../../src/exposures/reach.js";
import { readSubject } from "../../../src/exposures/subject.js";
import { HostPath } from "../../../src/kernel/host-path.js";
import { LINK_INDEX } from "../../../src/kernel/links.js";
import { readProcTasks } from "../../../src/kernel/proc-tasks.js";
import { readStatus } from "../../../src/kernel/status.js";
import { NamespaceGraph } from "../../../src/namespaces/graph.js";
import { buildProgram } from "../../programs/build.js";
import { type BundleOptions, Bundles, type Spec } from "../exposures/bundle.js";

/** What test/programs/reach.c found out by trying. */
interface Attempt {
  readonly read: boolean;
  readonly write: boolean;
}

const PREFIX = `keyhole-reach-${process.pid}`;
/** What Docker gives a container, which includes CAP_DAC_OVERRIDE. */
const DOCKER = [
  "CAP_CHOWN",
  "CAP_DAC_OVERRIDE",
  "CAP_FSETID",
  "CAP_FOWNER",
  "CAP_MKNOD",
  "CAP_NET_RAW",
  "CAP_SETGID",
  "CAP_SETUID",
  "CAP_SETFCAP",
  "CAP_SETPCAP",
  "CAP_NET_BIND_SERVICE",
  "CAP_SYS_CHROOT",
  "CAP_KILL",
  "CAP_AUDIT_WRITE",
];

function asUser(uid: number): (spec: Spec) => void {
  return ({ process }) => {
    process.user = { uid, gid: uid };
  };
}

function withProcOptions(...more: readonly string[]): (spec: Spec) => void {
  return ({ mounts }) => {
    for (const mount of mounts)
      if (mount.type === "proc") mount.options = [...(mount.options ?? []), ...more];
  };
}

function withoutNetwork({ linux }: Spec): void {
  linux.namespaces = linux.namespaces.filter(({ type }) => type !== "network");
}

const CASES: Readonly<Record<string, BundleOptions>> = {
  default: {},
  unmasked: { unmasked: true },
  docker: { unmasked: true, capabilities: DOCKER },
  admin: {
    unmasked: true,
    capabilities: [
      ...DOCKER,
      "CAP_SYS_ADMIN",
      "CAP_SYSLOG",
      "CAP_SYS_RAWIO",
      "CAP_SYS_PTRACE",
      "CAP_NET_ADMIN",
    ],
  },
  userns: { userns: true },
  "userns-unmasked": { userns: true, unmasked: true, capabilities: [...DOCKER, "CAP_SYS_ADMIN"] },
  user: { unmasked: true, edit: asUser(1000) },
  "host-user": { unmasked: true, capabilities: DOCKER, edit: asUser(1000) },
  subset: { edit: withProcOptions("subset=pid") },
  readonly: { unmasked: true, edit: withProcOptions("ro") },
  "host-net": { unmasked: true, edit: withoutNetwork },
  "host-net-user": { unmasked: true, capabilities: ["CAP_NET_ADMIN"], edit: withoutNetwork },
  "host-net-admin": { unmasked: true, capabilities: ["CAP_SYS_ADMIN"], edit: withoutNetwork },
  bound: { bindHostProc: "/host/proc" },
  "host-pid": { hostPid: true },
  "host-pid-user": { hostPid: true, edit: asUser(1000) },
};

/** Sysctls that not even root on the host may write: this machine's own lock, which is not about containers. */
const lockedOnHost = new Set<string>();
const idOf = (name: string) => `${PREFIX}-${name}`;
const reached = new Map<string, ContainerReach>();
let summary: readonly ContainerReach[];
let bundles: Bundles;
/** A process of the host without any capability. */
let helper: ChildProcess;

before(() => {
  assert.equal(process.getuid?.(), 0, "containers need root");
  const probe = buildProgram("reach.c", ["-static"]);
  for (const [path, { read, write }] of parse(execFileSync(probe, ["/proc"], { encoding: "utf8" }))) {
    if (read && !write && !isUnwritable(path)) lockedOnHost.add(path);
  }
  helper = spawn("setpriv", ["--reuid=1000", "--regid=1000", "--clear-groups", "sleep", "600"]);
  bundles = new Bundles();
  for (const [name, options] of Object.entries(CASES)) {
    bundles.run(idOf(name), { ...options, programs: [probe] });
  }
  const host = new HostPath();
  const survey = surveyNode(host);
  assert.ok(survey.superblocks !== null, "the kernel has to tell whose processes an instance shows");
  for (const name of Object.keys(CASES)) {
    const { containers, notSeen } = surveyReach(host, survey, idOf(name), "task");
    assert.deepEqual(notSeen, []);
    reached.set(name, containers[0]!);
  }
  summary = surveyReach(host, survey, null, "task").containers;
});

after(() => {
  helper.kill();
  bundles[Symbol.dispose]();
});

/** Every file below `directory` that is of its file system, as the container's own process can read and write it. */
function attempts(name: string, directory: string): Map<string, Attempt> {
  return parse(execFileSync("runc", ["exec", idOf(name), "/reach", directory], { encoding: "utf8" }));
}

function parse(text: string): Map<string, Attempt> {
  const found = new Map<string, Attempt>();
  for (const line of text.split("\n")) {
    const [read, write, path] = line.split(" ");
    if (path !== undefined) found.set(path, { read: read === "0", write: write === "0" });
  }
  return found;
}

function reachesOf(name: string): readonly Reach[] {
  return reached.get(name)?.reaches ?? [];
}

for (const name of Object.keys(CASES)) {
  test(`what can be reached is what can be opened: ${name}`, (t) => {
    const directory = name === "bound" ? "/host/proc" : "/proc";
    const tried = attempts(name, directory);
    const reaches = reachesOf(name);
    const wrong: string[] = [];
    let compared = 0;
    for (const { path, read, write, entry } of reaches) {
      if (!path.startsWith(`${directory}/`) || path.includes("[pid]") || LINKS.has(path)) continue;
      if (read === null || write === null) {
        assert.equal(entry, "net-settings", `${path} is left open`);
        continue;
      }
      const attempt = tried.get(path) ?? { read: false, write: false };
      compared += 1;
      tried.delete(path);
      // CAP_DAC_OVERRIDE opens what no bit of the mode allows, and a write to it then fails
      const opensOnly = attempt.write && !write && isUnwritable(path);
      if (write && !attempt.write && lockedOnHost.has(path.replace(/^\/host/, ""))) continue;
      if (read !== attempt.read || (write !== attempt.write && !opensOnly))
        wrong.push(`${path}: said ${read} ${write}, is ${attempt.read} ${attempt.write}`);
    }
    t.diagnostic(`${compared} files compared; ${lockedOnHost.size} that nobody may write left out`);
    assert.deepEqual(wrong, []);
    const isHostNet = name.startsWith("host-net");
    const missed = [...tried.keys()].filter((path) => isHostNet || !path.includes("/sys/net/"));
    assert.deepEqual(missed, [], "files that were not judged");
    if (name !== "subset") assert.ok(compared > 300, `only ${compared} were compared`);
  });
}

/** To what belongs to the reader. */
const LINKS = new Set(["/proc/net", "/proc/mounts", "/host/proc/net", "/host/proc/mounts"]);

function isUnwritable(path: string): boolean {
  return (statSync(path.replace(/^\/host/, "")).mode & 0o222) === 0;
}

test("an instance with subset=pid has nothing but processes", () => {
  assert.deepEqual(reachesOf("subset"), []);
});

test("what a container of the default spec reaches is never more than what one finding of the node tells", () => {
  assert.equal(reached.get("default")?.severity, "medium");
  const medium = reachesOf("default").filter(({ severity }) => severity === "medium");
  assert.deepEqual(new Set(medium.map(({ entry }) => entry)), new Set(["interrupts", "kpage"]));
});

test("of all containers at once as much is said as of each", () => {
  for (const name of Object.keys(CASES)) {
    const one = summary.find(({ container }) => container === idOf(name));
    assert.deepEqual(one, { ...reached.get(name), reaches: null });
  }
});

test("a writable core_pattern is critical for the host's root only", () => {
  const of = (name: string) => reachesOf(name).find(({ path }) => path === "/proc/sys/kernel/core_pattern");
  assert.deepEqual([of("unmasked")?.write, of("unmasked")?.severity], [true, "critical"]);
  assert.deepEqual([of("userns-unmasked")?.write, of("userns-unmasked")?.severity], [false, "info"]);
  assert.deepEqual([of("default")?.write, of("default")?.why], [false, "read-only at /sys"]);
});

for (const name of ["bound", "host-pid", "host-pid-user"]) {
  test(`whom it may look into is whose root can be followed: ${name}`, (t) => {
    const host = new HostPath();
    const { pid } = reached.get(name)!;
    const followed = () => {
      const directory = name === "bound" ? "/host/proc" : "/proc";
      const roots = ["exec", idOf(name), "/reach", "--roots", directory];
      const text = execFileSync("runc", roots, { encoding: "utf8" });
      return new Set(text.split("\n").filter(Boolean).map(Number));
    };
    const predicted = () => {
      const tasks = readProcTasks(host);
      const own = tasks.find((task) => task.pid === pid)!;
      const subject = readSubject(host, own, own.ns[LINK_INDEX.user]!)!;
      const graph = new NamespaceGraph({ host });
      for (const task of tasks) graph.observe(task);
      const kin = kinOf(host, tasks, subject, own.ns[LINK_INDEX.user]!, graph);
      return new Set([...kin].map((task) => task.pid));
    };
    // of processes that come and go meanwhile nothing can be said
    const before = predicted();
    const seen = followed();
    const after = predicted();
    const stable = [...before].filter((one) => after.has(one));
    t.diagnostic(`${stable.length} processes`);
    assert.ok(stable.includes(helper.pid!) || name !== "host-pid-user");
    assert.deepEqual(
      stable.filter((one) => !seen.has(one)),
      [],
      "said to be open, and are not",
    );
    assert.deepEqual(
      [...seen].filter((one) => !before.has(one) && !after.has(one) && isAlive(one)),
      [],
      "said to be closed, and are not",
    );
  });
}

function isAlive(pid: number): boolean {
  return readStatus(new HostPath(), pid) !== null;
}

test("the host's processes are reached through the host's procfs", () => {
  const root = (name: string, directory: string) =>
    reachesOf(name).find(({ path }) => path === `${directory}/[pid]/root`);
  // some process of the host has no more capabilities: `helper` for its user, and for root it depends on the host
  assert.deepEqual(
    [root("host-pid-user", "/proc")?.read, root("host-pid-user", "/proc")?.severity],
    [true, "high"],
  );
  assert.match(root("bound", "/host/proc")?.severity ?? "", /^(?:critical|high)$/);
  const own = reachesOf("default").filter(({ path }) => path.includes("[pid]"));
  assert.deepEqual(own, []);
});
