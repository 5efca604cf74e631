import assert from "node:assert/strict";
import { test } from "node:test";
import type { FieldType } from "../../src/config/condition.js";
import { celName } from "../../src/config/field-names.js";
import type { ContainerRef, ProcfsState, SyscallEvent } from "../../src/event.js";
import { ALL_CALL_FIELDS, callFields } from "../../src/exposures/call-fields.js";
import { CONTAINER_FIELDS } from "../../src/exposures/container-fields.js";
import type { FactReader } from "../../src/exposures/exception.js";
import { actFacts, containerFacts, instanceFacts, storyFacts } from "../../src/exposures/facts.js";
import { STORY_FIELDS } from "../../src/exposures/story-fields.js";
import { ancestorsOf } from "../../src/namespaces/ancestors.js";
import type { Task } from "../../src/namespaces/task.js";
import { runcMounts } from "../mounts/mountinfo-text.js";
import { container, HOST_NS, namespaces } from "./container.js";

const POD = { uid: "u-1", namespace: "shop", name: "web-1" };
const CONTAINER: ContainerRef = { id: "c1", runtime: "containerd", name: "web", image: null, pod: POD };
const PROCESS = {
  pid: 77,
  tid: 78,
  ppid: 1,
  uid: 0,
  gid: 5,
  comm: "sh",
  exe: "/bin/sh",
  start: "5",
  ns_pid: 7,
  parent: { comm: "runc", exe: "/usr/bin/runc" },
};
const PROCFS: ProcfsState = {
  dev: "0:64",
  pid_ns: 3,
  pid_namespace: { inum: 3, id: null },
  pid_ns_relation: "same",
  user_ns: 4,
  hidepid: "off",
  gid: 0,
  subset: "pid",
};
const MOUNT = {
  id: "9",
  old_id: 8,
  parent: 7,
  dev: "0:64",
  fs_type: "proc",
  mountpoint: "/x",
  root: "/",
  options: ["ro"],
  mnt_ns: null,
};
const CALL: SyscallEvent = {
  schema: 1,
  seq: 1,
  time: "2026-11-23T00:00:00.000000000Z",
  node: "n",
  type: "syscall",
  syscall: "openat",
  abi: "x86_64",
  duration_ns: null,
  args: { dirfd: "AT_FDCWD", pathname: "/x", flags: ["O_RDONLY"], attr: { attr_set: ["MOUNT_ATTR_RDONLY"] } },
  strings: "user-exit",
  ret: 3,
  process: PROCESS,
  container: CONTAINER,
  namespaces: { mnt: { inum: HOST_NS[0]!, id: null }, pid: { inum: 99, id: null } },
  changed: { mnt: { from: null, to: { inum: 5, id: null } } },
  target: { via: "pidfd", pid: 9, tid: 9, comm: "x", namespaces: null, container: CONTAINER },
  outcome: { procfs: PROCFS, mount: MOUNT },
  file: {
    fs_type: "proc",
    dev: "0:64",
    inode: "12",
    path: "/9/mem",
    access: ["read"],
    entry: "process-memory",
    of: { pid: 9, container: { ...CONTAINER, id: "c2" } },
  },
};
const CONTEXT = { hostNs: HOST_NS, parentNs: HOST_NS, after: () => null };

function read(call: Partial<SyscallEvent> = {}, more: object = {}): FactReader {
  return actFacts({ ...CONTEXT, call: { ...CALL, ...call }, ...more } as never, null);
}

const TYPE_OF: Readonly<Record<FieldType, (value: unknown) => boolean>> = {
  int: Number.isSafeInteger,
  string: (value) => typeof value === "string",
  bool: (value) => typeof value === "boolean",
  list: (value) => Array.isArray(value) && value.every((item) => typeof item === "string"),
};

test("every field holds what its type says, or null", () => {
  const story = {
    id: "s",
    kind: "mount",
    state: "open",
    fs_type: "proc",
    process: PROCESS,
    container: CONTAINER,
    steps: [{ syscall: "fsopen" }],
    procfs: PROCFS,
    mount: MOUNT,
  };
  const view = container(runcMounts());
  const exposure = { place: "/proc/acpi", severity: "low" as const, evidence: [] };
  for (const [fields, facts, least] of [
    [ALL_CALL_FIELDS, read(), 50],
    [ALL_CALL_FIELDS, instanceFacts(CALL, null), 50],
    [STORY_FIELDS, storyFacts({ story, isRuntime: false } as never, null), 35],
    [CONTAINER_FIELDS, containerFacts(view, exposure), 20],
  ] as const) {
    let known = 0;
    for (const { name, type } of fields.values()) {
      const value = facts(name);
      if (value === null) continue;
      known += 1;
      assert.ok(TYPE_OF[type](value), `${name} is ${JSON.stringify(value)}, no ${type}`);
    }
    assert.ok(known >= least, `${known} known`);
  }
});

test("a field has one type wherever it is, and none is taken for another in CEL", () => {
  const types = new Map<string, FieldType>();
  for (const { name, type } of [ALL_CALL_FIELDS, STORY_FIELDS, CONTAINER_FIELDS].flatMap((table) => [
    ...table.values(),
  ])) {
    assert.equal(types.get(name) ?? type, type, name);
    types.set(name, type);
  }
  assert.equal(new Set([...types.keys()].map(celName)).size, types.size);
});

test("what is read of a call", () => {
  const facts = read();
  for (const [field, expected] of [
    ["args.dirfd", -100],
    ["args.pathname", "/x"],
    ["args.attr.attr_set", ["MOUNT_ATTR_RDONLY"]],
    ["args.nstype", null],
    ["errno", null],
    ["ns.mnt.host", true],
    ["ns.pid.host", false],
    ["ns.net.host", null],
    ["process.parent.on_host", true],
    ["process.ancestors", ["/usr/bin/runc"]],
    ["changed", ["mnt"]],
    ["target.pid", 9],
    ["target.inum", null],
    ["target.container.pod.namespace", "shop"],
    ["outcome.mount.options", ["ro"]],
    ["file.of.container.id", "c2"],
    ["file.of.foreign", true],
    ["file.foreign_mount", false],
    ["container.pod.name", "web-1"],
    ["nonsense", null],
  ] as const) {
    assert.deepEqual(facts(field), expected, field);
  }
});

test("what is not there is unknown, not false", () => {
  const { file: _file, target: _target, outcome: _outcome, changed: _changed, ...bare } = CALL;
  const facts = actFacts({ ...CONTEXT, call: bare } as never, null);
  for (const field of ["file.foreign_mount", "file.of.foreign", "file.entry", "target.via", "changed"])
    assert.equal(facts(field), null, field);
  assert.equal(read({}, { parentNs: null })("process.parent.on_host"), null);
});

test("a process of a container's own is not foreign", () => {
  const of = (pid: number, id: string | null) =>
    read({ file: { ...CALL.file!, of: { pid, container: id === null ? null : { ...CONTAINER, id } } } })(
      "file.of.foreign",
    );
  assert.deepEqual([of(9, "c1"), of(9, "c2"), of(9, null), of(77, null)], [false, true, true, false]);
});

test("the fields of some calls are those of these calls", () => {
  assert.ok(callFields(["setns"]).has("args.nstype"));
  assert.ok(!callFields(["mount"]).has("args.nstype"));
  assert.ok(callFields(["mount", "setns"]).has("args.nstype"));
  assert.equal(callFields(["mount", "setns"]), callFields(["setns", "mount"]));
});

test("what is read of a container is that of the place, where there is one", () => {
  const view = container(runcMounts());
  const at = (place: string) => containerFacts(view, { place, severity: "low", evidence: [] });
  assert.equal(at("/proc/acpi")("place.root"), "/");
  assert.equal(at("/sys/firmware")("place"), "/sys/firmware");
  assert.equal(at("/nowhere")("place.readonly"), null);
  assert.equal(containerFacts(view, null)("place"), null);
  assert.deepEqual(containerFacts(view, null)("procfs.points"), ["/proc"]);
});

test("ancestors go up to pid 1, and no further than they are known", () => {
  const task = (pid: number, ppid: number, exe: string | null): Task => ({
    ...{ pid, tid: pid, ppid, exe, start: 0n, uid: 0, gid: 0, comm: "x", nsPid: pid },
    ...{ ns: namespaces({}), cgroup: 0n, cgroupV1: 0n },
  });
  const tasks = new Map(
    [task(1, 0, "/init"), task(5, 1, "/a"), task(6, 5, null), task(7, 6, "/b")].map((one) => [one.tid, one]),
  );
  assert.deepEqual(ancestorsOf({ ppid: 7 }, tasks), ["/b", "/a", "/init"]);
  assert.deepEqual(ancestorsOf({ ppid: 3 }, tasks), []);
  const loop = new Map([task(5, 6, "/a"), task(6, 5, "/b")].map((one) => [one.tid, one]));
  assert.equal(ancestorsOf({ ppid: 5 }, loop).length, 16);
});
