import assert from "node:assert/strict";
import { test } from "node:test";
import type { OpenedFile, SyscallEvent } from "../../src/event.js";
import { Exposures } from "../../src/exposures/engine.js";
import { loadEntries } from "../../src/exposures/entries.js";
import { shippedRules } from "../../src/exposures/rule-loader.js";
import { allRules } from "../../src/exposures/rule-set.js";
import { runRuleTests } from "../../src/exposures/rule-tests.js";
import { HOST_NS, HOST_PROC_DEV } from "./container.js";

const SHIPPED = shippedRules();
const ENTRIES = new Map(loadEntries().entries.map((entry) => [entry.id, entry]));

test("the tests that stand beside the rules and exceptions of Keyhole pass, and none is without", () => {
  const { passed, failed, untested } = runRuleTests(SHIPPED.data, SHIPPED.exceptions);
  assert.deepEqual([failed, untested], [[], []]);
  assert.ok(passed > 80);
  for (const { name, tests } of SHIPPED.exceptions) {
    assert.deepEqual(new Set(tests.map(({ spares }) => spares)), new Set([true, false]), name);
  }
});

test("every rule has a technique, references and a test that finds and one that does not", () => {
  for (const { info, tests } of SHIPPED.data) {
    assert.ok(
      info.tags.some((tag) => tag.startsWith("mitre:T")),
      info.id,
    );
    assert.ok(info.references.length > 0, info.id);
    const found = tests.map(({ finds }) => finds);
    assert.ok(found.includes("nothing") && found.some((one) => one !== "nothing"), info.id);
    assert.ok(found.includes(info.severity), `${info.id}: no test finds ${info.severity}`);
  }
});

test("rules of opens ask for entries that the catalogue has, on their file systems", () => {
  const restricted = SHIPPED.data.filter(({ entries }) => entries !== null);
  assert.ok(restricted.length >= 18);
  for (const { info, entries, filesystems } of restricted) {
    for (const id of entries!) {
      const entry = ENTRIES.get(id);
      assert.ok(entry !== undefined, `${info.id}: ${id}`);
      const types = entry.fs === "sysfs" || entry.fs === "cgroup" ? [entry.fs] : ["proc"];
      assert.ok(
        types.every((type) => filesystems!.has(type)),
        `${info.id} is not asked about ${entry.fs}`,
      );
    }
  }
});

const FILE: OpenedFile = {
  fs_type: "proc",
  dev: "0:21",
  inode: "4026531840",
  path: "/sys/kernel/core_pattern",
  access: ["write"],
  entry: "core-pattern",
};

function opening(file: Partial<OpenedFile>, more: Partial<SyscallEvent> = {}): SyscallEvent {
  const process = { pid: 77, tid: 77, ppid: 1, uid: 0, gid: 0, comm: "sh", exe: "/bin/sh", start: "5" };
  return {
    schema: 1,
    seq: 4,
    time: "2026-11-23T00:00:00.000000000Z",
    node: "n",
    type: "syscall",
    syscall: "openat",
    abi: "x86_64",
    duration_ns: null,
    args: {},
    strings: "user-exit",
    ret: 3,
    process: { ...process, ns_pid: 7, parent: null },
    container: { id: "c1", runtime: null, name: null, image: null, pod: null },
    namespaces: {},
    file: { ...FILE, ...file },
    ...more,
  };
}

/** What the engine tells of a call, as `severity rule`. */
function told(event: SyscallEvent): string[] {
  const engine = new Exposures({ rules: SHIPPED.rules, hostProcDev: HOST_PROC_DEV });
  const context = { hostNs: HOST_NS, parentNs: null, after: () => null };
  return engine.act(event, context).map(({ severity, rule }) => `${severity} ${rule}`);
}

test("an open of a catalogued file is told by its rule, once, with its severity", () => {
  assert.deepEqual(told(opening({})), ["critical core-pattern-write"]);
  assert.deepEqual(told(opening({}, { ret: -30, errno: "EROFS" })), ["low core-pattern-write"]);
  assert.deepEqual(told(opening({ access: ["read"] })), []);
  assert.deepEqual(told(opening({}, { container: null })), []);
  assert.deepEqual(told(opening({ foreign_mount: true })), [
    "critical core-pattern-write",
    "critical proc-root-traverse",
  ]);
  const foreign = { entry: "process-memory", path: "/1/mem", access: ["read"] } as const;
  assert.deepEqual(told(opening({ ...foreign, of: { pid: 1, container: null } })), ["high proc-foreign-mem"]);
  const own = { id: "c1", runtime: null, name: null, image: null, pod: null };
  assert.deepEqual(told(opening({ ...foreign, of: { pid: 5, container: own } })), []);
});

test("evidence has the fields of the call, and a command without anything that a container chose", () => {
  const engine = new Exposures({ rules: SHIPPED.rules, hostProcDev: HOST_PROC_DEV });
  const context = { hostNs: HOST_NS, parentNs: null, after: () => null };
  const [finding] = engine.act(opening({}), context);
  assert.deepEqual(finding?.evidence, [
    {
      fact: "process 77 (/bin/sh) opened /sys/kernel/core_pattern of procfs 0:21 for writing: 3",
      check: "cat /proc/sys/kernel/core_pattern; ls -l /proc/77/exe",
    },
  ]);
});

test("a runtime that makes a container writes labels and no more", () => {
  const runtime = { parent: { comm: "runc", exe: "/usr/bin/runc" }, exe: "/usr/bin/runc" };
  const by = (file: Partial<OpenedFile>) => {
    const event = opening(file);
    return told({ ...event, process: { ...event.process, ...runtime } });
  };
  assert.deepEqual(by({ entry: "process-label", path: "/self/attr/exec" }), []);
  assert.deepEqual(by({ entry: "sysrq-trigger", path: "/sysrq-trigger" }), [
    "critical sysrq-trigger-write",
    "critical runtime-proc-redirect",
  ]);
  assert.deepEqual(by({ entry: "vm-settings", path: "/sys/vm/swappiness" }), ["high runtime-proc-redirect"]);
});

test("what an exception spares is counted by its name, and nothing that is not known is spared", () => {
  const engine = new Exposures({ rules: SHIPPED.rules, hostProcDev: HOST_PROC_DEV });
  const context = { hostNs: HOST_NS, parentNs: null, after: () => null };
  const pod = { uid: "u", namespace: "kube-system", name: "npd-x" };
  const kmsg = { entry: "kmsg", path: "/kmsg", access: ["read"] } as const;
  const detector = { id: "c1", runtime: null, name: "node-problem-detector", image: null, pod };
  assert.deepEqual(engine.act(opening(kmsg, { container: detector }), context), []);
  assert.equal(engine.suppressed().get("exception:node-problem-detector"), 1);
  assert.equal(engine.act(opening(kmsg), context).length, 1);
  const [decision] = engine.decisions.about({ seq: 4 });
  assert.ok(decision !== undefined);
});

test("ids of rules are there once, and each says where it was written", () => {
  const ids = allRules(SHIPPED.rules).map(({ id }) => id);
  assert.equal(new Set(ids).size, ids.length);
  for (const { info } of SHIPPED.data) assert.match(info.origin!, /\/rules\/[a-z-]+\.yaml:\d+:\d+$/);
});
