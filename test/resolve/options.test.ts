import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { NsfsTarget } from "../../src/capture/target.js";
import type { Arg, Target } from "../../src/event.js";
import { HostPath } from "../../src/kernel/host-path.js";
import { NamespaceGraph } from "../../src/namespaces/graph.js";
import { askedOptions } from "../../src/resolve/options.js";

const graph = new NamespaceGraph({ host: new HostPath("/nonexistent") });
const caller = [10, 11, 12, 13, 14, 15, 16, 17, 14, 17];

interface Given {
  readonly args?: { readonly [name: string]: Arg };
  readonly truncated?: string[];
  readonly unreadable?: Record<string, "EFAULT" | "not-resident" | "no-room">;
}

function ofMount({ args = {}, truncated = [], unreadable = {} }: Given) {
  const all = {
    source: "proc",
    target: "/p",
    filesystemtype: "proc",
    mountflags: [],
    data: "hidepid=2",
    ...args,
  };
  const nothing = { target: undefined, value: null };
  return askedOptions(graph, "mount", { args: all, truncated, unreadable, caller, ...nothing });
}

const CONTEXT: Target = { via: "fscontext", fs_type: "proc", purpose: "mount", user_ns: 1 };

function ofFsconfig(
  { args = {}, truncated = [], unreadable = {} }: Given,
  target: Target | undefined = CONTEXT,
  value: NsfsTarget | null = null,
) {
  const all = { fd: 3, cmd: "FSCONFIG_SET_STRING", key: "hidepid", value: "2", aux: 0, ...args };
  return askedOptions(graph, "fsconfig", { args: all, truncated, unreadable, caller, target, value });
}

describe("the options that mount(2) asks for", () => {
  it("are those of a new procfs", () => {
    assert.deepEqual(ofMount({}), { fs_type: "proc", hidepid: "invisible" });
    assert.deepEqual(ofMount({ args: { data: "" } }), { fs_type: "proc" });
    assert.equal(ofMount({ args: { filesystemtype: "tmpfs" } }), undefined);
    assert.equal(ofMount({ args: { data: null } }), undefined);
  });

  it("are none where mount(2) reads no data", () => {
    for (const flag of ["MS_BIND", "MS_MOVE", "MS_SHARED", "MS_PRIVATE", "MS_SLAVE", "MS_UNBINDABLE"])
      assert.equal(ofMount({ args: { mountflags: [flag] } }), undefined, flag);
    assert.equal(ofMount({ args: { mountflags: ["MS_REMOUNT", "MS_BIND"] } }), undefined);
  });

  it("of a remount are told by their keys: its type is that of the superblock", () => {
    const remount = (data: string | null, filesystemtype: string | null = null) =>
      ofMount({ args: { mountflags: ["MS_REMOUNT"], data, filesystemtype } });
    assert.deepEqual(remount("hidepid=1,gid=4"), { fs_type: null, hidepid: "noaccess", gid: 4 });
    assert.deepEqual(remount("ro,hidepid"), { fs_type: null, ro: true, invalid: ["hidepid"] });
    assert.deepEqual(remount("subset=pid", "ext4"), { fs_type: null, subset: "pid" });
    // devpts and tmpfs have gid too
    assert.equal(remount("gid=5"), undefined);
    assert.equal(remount("hidepid=1,mode=620"), undefined);
    assert.equal(remount("nohidepid=1"), undefined);
    assert.equal(remount(null), undefined);
  });

  it("take no second source", () => {
    const data = "source=x";
    assert.deepEqual(ofMount({ args: { data } }), { fs_type: "proc", invalid: ["source=x"] });
    assert.deepEqual(ofMount({ args: { data, source: null } }), { fs_type: "proc", source: "x" });
  });

  it("are not known where they could not be read, or not to their end", () => {
    assert.equal(ofMount({ args: { data: null }, unreadable: { data: "not-resident" } }), null);
    assert.equal(ofMount({ truncated: ["data"] }), null);
    const remount = { args: { data: null, mountflags: ["MS_REMOUNT"] } };
    assert.equal(ofMount({ ...remount, unreadable: { data: "not-resident" } }), undefined);
  });
});

describe("the option that fsconfig(2) sets", () => {
  it("is one of procfs where the context is", () => {
    assert.deepEqual(ofFsconfig({}), { fs_type: "proc", hidepid: "invisible" });
    assert.equal(ofFsconfig({}, { ...CONTEXT, fs_type: "tmpfs" }), undefined);
    assert.equal(ofFsconfig({}, { via: "other", magic: "0x1", fs_type: "proc" }), undefined);
    assert.equal(ofFsconfig({ args: { cmd: "FSCONFIG_CMD_CREATE", key: null, value: null } }), undefined);
    assert.equal(ofFsconfig({ args: { cmd: "0x63" } }), undefined);
  });

  it("can be a descriptor", () => {
    const set = (cmd: string, key: string) => ofFsconfig({ args: { cmd, key, value: null, aux: 7 } });
    assert.deepEqual(set("FSCONFIG_SET_FD", "pidns"), {
      fs_type: "proc",
      pidns: { fd: 7, namespace: null, relation: null },
    });
    assert.deepEqual(set("FSCONFIG_SET_FD", "hidepid"), { fs_type: "proc", invalid: ["hidepid"] });
    assert.deepEqual(set("FSCONFIG_SET_PATH", "pidns"), { fs_type: "proc", invalid: ["pidns"] });
    assert.deepEqual(set("FSCONFIG_SET_FLAG", "ro"), { fs_type: "proc", ro: true });
  });

  it("says which namespace a descriptor of pidns is, and where it lies", () => {
    const given = { args: { cmd: "FSCONFIG_SET_FD", key: "pidns", value: null, aux: 7 } };
    const pidns = (value: NsfsTarget) => ofFsconfig(given, CONTEXT, value)?.pidns;
    assert.deepEqual(pidns({ via: "nsfs", type: "pid", inum: 14, id: 9n }), {
      fd: 7,
      namespace: { type: "pid", inum: 14, id: "9" },
      relation: "same",
    });
    assert.deepEqual(pidns({ via: "nsfs", type: "uts", inum: 11, id: 0n }), {
      fd: 7,
      namespace: { type: "uts", inum: 11, id: null },
      relation: null,
    });
  });

  it("is not known where key or value could not be read", () => {
    const faulted = (name: string) => ({ args: { [name]: null }, unreadable: { [name]: "EFAULT" as const } });
    assert.equal(ofFsconfig(faulted("key")), null);
    assert.equal(ofFsconfig(faulted("value")), null);
    assert.equal(ofFsconfig({ truncated: ["value"] }), null);
    assert.equal(ofFsconfig({ args: { key: null } }), undefined);
    assert.equal(ofFsconfig({ args: { value: null } }), undefined);
  });
});
