import assert from "node:assert/strict";
import { test } from "node:test";
import type { MountState, PidNsRelation, SyscallEvent } from "../../src/event.js";
import { runcMounts } from "../mounts/mountinfo-text.js";
import { brief, call, context, engine, FROM_HOST, OWN_NS, refs } from "./act-call.js";
import { container, HOST_PROC_DEV, namespaces, superblock } from "./container.js";

const IN_USERNS = { namespaces: refs(namespaces({ mnt: 210, pid: 214, user: 215 })) };
const EPERM = { ret: -1, errno: "EPERM" };
const PROC = { source: "proc", target: "/mnt", filesystemtype: "proc", mountflags: [], data: null } as const;

test("a procfs that a user namespace is refused is a probe, by either interface", () => {
  const probe = ["low proc-nested-mount-refused 1"];
  const refused = call("mount", { args: PROC, ...EPERM, ...IN_USERNS });
  assert.deepEqual(brief(engine().act(refused, context())), probe);
  const target = { via: "fscontext", fs_type: "proc", purpose: "mount", user_ns: 215 } as const;
  const fsmount = call("fsmount", { args: { fd: 3 }, target, ...EPERM, ...IN_USERNS });
  assert.deepEqual(brief(engine().act(fsmount, context())), probe);
});

test("a procfs that is refused for another reason, elsewhere or to a runtime is no probe", () => {
  const nothing = (more: Partial<SyscallEvent>, from = context()) =>
    engine().act(call("mount", { args: PROC, ...EPERM, ...IN_USERNS, ...more }), from);
  assert.deepEqual(nothing({ errno: "EBUSY" }), []);
  assert.deepEqual(nothing({ namespaces: refs(OWN_NS) }), []);
  assert.deepEqual(nothing({ args: { ...PROC, filesystemtype: "tmpfs" } }), []);
  assert.deepEqual(nothing({ args: { ...PROC, mountflags: ["MS_BIND"] } }), []);
  assert.deepEqual(nothing({ mm_shared: true }), []);
  assert.deepEqual(nothing({}, FROM_HOST), []);
});

test("a mask that is unmounted from above what was mounted beneath it is lost", () => {
  const beneath = "91 66 0:40 /keys /proc/keys rw - proc proc rw";
  const changes = engine().act(call("umount2"), context(container(runcMounts(["keys"], [beneath]))));
  assert.deepEqual(brief(changes), ["critical proc-mask-removed 1"]);
});

function pidns(relation: PidNsRelation | null, more: Partial<SyscallEvent> = {}): SyscallEvent {
  const namespace = { inum: 904, id: null, type: "pid" } as const;
  return call("fsconfig", {
    args: { fd: 3, cmd: "FSCONFIG_SET_FD", key: "pidns", value: null, aux: 5 },
    options: { fs_type: "proc", pidns: { fd: 5, namespace, relation } },
    ...more,
  });
}

test("pidns= is as bad as the pid namespace is strange, and an attempt less", () => {
  const told = (relation: PidNsRelation | null, more: Partial<SyscallEvent> = {}) =>
    brief(engine().act(pidns(relation, more), context())).map((line) => line.split(" ")[0]);
  assert.deepEqual(told("same"), ["medium"]);
  assert.deepEqual(told("descendant"), ["medium"]);
  assert.deepEqual(told("ancestor"), ["high"]);
  assert.deepEqual(told("foreign"), ["high"]);
  const EINVAL = { ret: -22, errno: "EINVAL" };
  assert.deepEqual(told("ancestor", EINVAL), ["medium"]);
  assert.deepEqual(told("foreign", EINVAL), ["medium"]);
  assert.deepEqual(told("same", EINVAL), ["low"]);
  const none = { fs_type: "proc", pidns: { fd: 5, namespace: null, relation: null } } as const;
  assert.deepEqual(told(null, { options: none, ...EINVAL }), [], "no namespace at all");
  const path = { fs_type: "proc", pidns: "/run/p" } as const;
  assert.deepEqual(told(null, { options: path }), ["medium"]);
  assert.deepEqual(told(null, { options: path, mm_shared: true }), []);
  assert.deepEqual(told(null, { options: { fs_type: "proc", hidepid: "off" } }), []);
  assert.deepEqual(engine().act(pidns("foreign"), FROM_HOST), []);
});

test("a path that a container chose stands in no command", () => {
  const options = { fs_type: "proc", pidns: "/tmp/$(reboot)" } as const;
  const [finding] = engine().act(pidns(null, { options }), context());
  assert.doesNotMatch(JSON.stringify(finding?.evidence), /reboot/);
});

test("mount namespaces made by open_tree and fsmount are medium, attempts low", () => {
  const told = (event: SyscallEvent, from = context()) => brief(engine().act(event, from));
  const tree = { args: { flags: ["OPEN_TREE_NAMESPACE"] } };
  assert.deepEqual(told(call("open_tree", { ...tree, ret: 5 })), ["medium mntns-created-by-fd 1"]);
  assert.deepEqual(told(call("open_tree", { ...tree, ret: -22, errno: "EINVAL" })), [
    "low mntns-created-by-fd 1",
  ]);
  const fsmount = call("fsmount", { args: { flags: ["FSMOUNT_NAMESPACE"] }, ret: 5 });
  assert.deepEqual(told(fsmount), ["medium mntns-created-by-fd 1"]);
  assert.deepEqual(told(call("open_tree", { args: { flags: ["OPEN_TREE_CLONE"] }, ret: 5 })), []);
  assert.deepEqual(told(fsmount, FROM_HOST), []);
});

test("an overlay in a user namespace is medium, refused low; elsewhere and others are nothing", () => {
  const overlay = { ...PROC, filesystemtype: "overlay" };
  const told = (more: Partial<SyscallEvent>, from = context()) =>
    brief(engine().act(call("mount", { args: overlay, ...IN_USERNS, ...more }), from));
  assert.deepEqual(told({}), ["medium userns-overlay-mount 1"]);
  assert.deepEqual(told(EPERM), ["low userns-overlay-mount 1"]);
  assert.deepEqual(told({ namespaces: refs(OWN_NS) }), []);
  assert.deepEqual(told({ args: { ...PROC, filesystemtype: "tmpfs" } }), []);
  assert.deepEqual(told({ args: { ...overlay, mountflags: ["MS_REMOUNT"] } }), []);
  assert.deepEqual(told({}, FROM_HOST), []);
  const target = { via: "fscontext", fs_type: "overlay", purpose: "mount", user_ns: 215 } as const;
  const fsconfig = call("fsconfig", { args: { cmd: "FSCONFIG_CMD_CREATE" }, target, ...IN_USERNS });
  assert.deepEqual(brief(engine().act(fsconfig, context())), ["medium userns-overlay-mount 1"]);
});

test("the userns rule tells the namespace, and once that somebody in it mounts", () => {
  const exposures = engine();
  const told = (event: SyscallEvent, from = context()) => brief(exposures.act(event, from));
  const made = { args: { flags: ["CLONE_NEWUSER"] }, ...IN_USERNS };
  assert.deepEqual(told(call("unshare", made)), ["low userns-unshare-in-container 1"]);
  const tmpfs = { args: { ...PROC, filesystemtype: "tmpfs" }, ...IN_USERNS };
  assert.deepEqual(told(call("mount", { ...tmpfs, ...EPERM })), []);
  assert.deepEqual(told(call("mount", tmpfs)), ["medium userns-unshare-in-container 2"]);
  assert.deepEqual(told(call("mount", tmpfs)), [], "told before");
  const elsewhere = { ...tmpfs, namespaces: refs(namespaces({ user: 216 })) };
  assert.deepEqual(told(call("mount", elsewhere)), [], "nobody was seen to make that one");
  assert.deepEqual(told(call("unshare", { ...made, ...EPERM })), []);
  assert.deepEqual(told(call("unshare", { args: { flags: ["CLONE_NEWNS"] } })), []);
  assert.deepEqual(told(call("unshare", made), FROM_HOST), []);
});

test("a user namespace that clone makes is the child's", () => {
  const child = { pid: 9, tid: 9, flags: ["CLONE_NEWUSER"], namespaces: IN_USERNS.namespaces };
  const event = call("clone", { ret: 9, outcome: { child } });
  assert.deepEqual(brief(engine().act(event, context())), ["low userns-unshare-in-container 1"]);
  const plain = call("clone", { ret: 9, outcome: { child: { ...child, flags: ["CLONE_NEWPID"] } } });
  assert.deepEqual(engine().act(plain, context()), []);
});

function bound(source: string, mount: Partial<MountState>, flags = ["MS_BIND"]): SyscallEvent {
  return call("mount", {
    args: { source, target: "/proc/self/fd/7", filesystemtype: null, mountflags: flags, data: null },
    outcome: {
      mount: {
        ...{ id: "9", old_id: 91, parent: 66, dev: "0:42", fs_type: "tmpfs" },
        ...{ mountpoint: "/proc/keys", root: "/null", options: [], mnt_ns: null },
        ...mount,
      },
    },
  });
}

test("a runtime that was led astray is told by what it mounted, not by what it named", () => {
  const told = (event: SyscallEvent, from = FROM_HOST) => brief(engine().act(event, from));
  const critical = ["critical dev-null-tampered 1"];
  const core = { dev: "0:40", fs_type: "proc", root: "/sys/kernel/core_pattern" };
  assert.deepEqual(told(bound("/dev/null", core)), critical);
  assert.deepEqual(told(bound("/proc/thread-self/fd/8", core)), critical);
  assert.deepEqual(told(bound("/dev/pts/0", { ...core, mountpoint: "/dev/console" })), critical);
  assert.deepEqual(told(bound("/dev/null", { root: "/data/file" })), ["high dev-null-tampered 1"]);
  const { args: _, ...moved } = bound("", core);
  assert.deepEqual(told({ ...moved, syscall: "move_mount", args: { from_path: "", to_path: "" } }), critical);
  // the check names numbers alone
  const [finding] = engine().act(bound("/dev/null", core), FROM_HOST);
  assert.equal(finding?.evidence[0]?.check, "grep '^91 ' /proc/4300/mountinfo");
});

test("the null device, a terminal, read-only paths and volumes are what a runtime mounts", () => {
  const nothing = (event: SyscallEvent, from = FROM_HOST) => assert.deepEqual(engine().act(event, from), []);
  nothing(bound("/dev/null", {}));
  nothing(bound("/dev/null", { fs_type: "devtmpfs" }));
  nothing(bound("/dev/pts/0", { fs_type: "devpts", root: "/0", mountpoint: "/dev/console" }));
  nothing(bound("/proc/sys", { dev: "0:40", fs_type: "proc", root: "/sys", mountpoint: "/proc/sys" }));
  nothing(bound("/srv", { fs_type: "ext4", root: "/srv", mountpoint: "/data" }));
  const core = { dev: "0:40", fs_type: "proc", root: "/sys/kernel/core_pattern" };
  nothing(bound("/dev/null", core, ["MS_REMOUNT", "MS_BIND"]));
  // by the payload it is no set-up: other rules are about that
  nothing(bound("/dev/null", core), { ...context(), origin: "container" });
});

test("a subset that changes is low, on either side", () => {
  const [whole, pids] = [superblock("0:40", 204), superblock("0:40", 204, { subset: "pid" })];
  const changed = (...steps: Parameters<ReturnType<typeof engine>["instanceChanged"]>) =>
    brief(engine().instanceChanged(...steps));
  assert.deepEqual(changed(whole, pids, call("mount")), ["low proc-subset-changed 1"]);
  assert.deepEqual(changed(pids, whole, call("mount")), ["low proc-subset-changed 1"]);
  assert.deepEqual(changed(pids, pids, call("mount")), []);
  const hosts = superblock(HOST_PROC_DEV, 100, { subset: "pid" });
  const [finding] = engine().instanceChanged({ ...hosts, subset: null }, hosts, call("mount"));
  assert.match(finding!.evidence[0]!.fact, /the host's own/);
});
