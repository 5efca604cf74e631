import assert from "node:assert/strict";
import { test } from "node:test";
import type { SyscallEvent } from "../../src/event.js";
import type { ActContext } from "../../src/exposures/act.js";
import { Protections } from "../../src/exposures/protections.js";
import { hidepidWeakened } from "../../src/exposures/rules/proc-hidepid-weakened.js";
import { LINK_INDEX, type NsInums } from "../../src/kernel/links.js";
import { MASKS, READONLY, runcMounts } from "../mounts/mountinfo-text.js";
import { brief, call, context, engine, entering, OWN_NS, refs } from "./act-call.js";
import { container, HOST_NS, HOST_PROC_DEV, namespaces, superblock } from "./container.js";

for (const [type, severity] of [
  ["mnt", "critical"],
  ["user", "critical"],
  ["pid", "high"],
  ["net", "high"],
  ["uts", "medium"],
] as const) {
  test(`setns into the host's ${type} namespace is ${severity}`, () => {
    const link = type === "pid" ? "pid_for_children" : type;
    const to = { inum: HOST_NS[LINK_INDEX[type]]!, id: null };
    const event = entering(type, { changed: { [link]: { from: { inum: 555, id: null }, to } } });
    const [finding] = engine().act(event, context());
    assert.equal(finding?.severity, severity);
    assert.equal(finding?.event_seq, 17);
    assert.equal(finding?.subject.pid, 4300);
    assert.deepEqual(brief(engine().act(entering(type), context())), [`${severity} ns-enter-host 1`]);
  });
}

test("setns with a pidfd counts the namespaces that it asked for", () => {
  // of a process that is in the host's namespaces and in this container, as with hostPID
  const target = {
    via: "pidfd",
    pid: 1,
    tid: 1,
    comm: "init",
    namespaces: refs(HOST_NS),
    container: call("setns").container,
  } as const;
  const event = (nstype: string[], more: Partial<SyscallEvent> = {}) =>
    call("setns", { target, args: { fd: 3, nstype }, ...more });
  assert.deepEqual(brief(engine().act(event(["CLONE_NEWUTS"]), context())), ["medium ns-enter-host 1"]);
  const both = event(["CLONE_NEWUTS", "CLONE_NEWNS"]);
  assert.deepEqual(brief(engine().act(both, context())), ["critical ns-enter-host 1"]);
  const refused = event(["CLONE_NEWNS"], { ret: -1, errno: "EPERM" });
  assert.deepEqual(brief(engine().act(refused, context())), ["low ns-enter-host 1"]);
});

test("a refused setns is an attempt, unless the task is in that namespace already", () => {
  const refused = { ret: -1, errno: "EPERM" } as const;
  assert.deepEqual(brief(engine().act(entering("mnt", refused), context())), ["low ns-enter-host 1"]);
  assert.deepEqual(engine().act(entering("net", refused), context()), []);
});

test("setns elsewhere, without a change, without a target or by the host is nothing", () => {
  const other = call("setns", { target: { via: "nsfs", type: "mnt", inum: 777, id: null } });
  assert.deepEqual(engine().act(other, context()), []);
  assert.deepEqual(engine().act(entering("net", { changed: {} }), context()), []);
  assert.deepEqual(engine().act(call("setns", { ret: -9, errno: "EBADF" }), context()), []);
  assert.deepEqual(engine().act(entering("mnt", { container: null }), context()), []);
  assert.deepEqual(engine().act(entering("mnt", { ret: null }), context()), []);
});

test("a mask that is gone after umount2 is found by the mount table, whatever the call named", () => {
  for (const target of ["/proc/keys", "keys", "/tmp/link", null]) {
    const event = call("umount2", { args: { target, flags: [] } });
    const [finding, ...others] = engine().act(event, context(container(runcMounts(["keys"]))));
    assert.deepEqual(others, []);
    assert.equal(finding?.rule, "proc-mask-removed");
    assert.equal(finding?.severity, "critical");
    assert.match(finding?.evidence[0]?.fact ?? "", /\/proc\/keys \(was masked\)/);
  }
});

test("removing read-only mounts and covering or passing masks are the same act", () => {
  const after = {
    "a read-only path is gone": runcMounts(["procSys"]),
    "the mask of /sys/firmware is gone": runcMounts(["firmware"]),
    "a mask is covered by what it hides": runcMounts([], ["90 49 0:40 /keys /proc/keys rw - proc proc rw"]),
    "the same procfs is bound elsewhere": runcMounts([], ["90 65 0:40 / /mnt rw - proc proc rw"]),
  };
  for (const [what, mounts] of Object.entries(after)) {
    const changes = engine().act(call("mount"), context(container(mounts)));
    assert.deepEqual(brief(changes), ["critical proc-mask-removed 1"], what);
  }
});

test("a read-only path that is writable in its place was remounted", () => {
  const after = runcMounts(["procSys"], ["47 66 0:40 /sys /proc/sys rw,relatime - proc proc rw"]);
  for (const syscall of ["mount", "mount_setattr"]) {
    const changes = engine().act(call(syscall), context(container(after)));
    assert.deepEqual(brief(changes), ["critical proc-remount-writable 1"]);
    assert.match(changes[0]?.evidence[0]?.fact ?? "", /\/proc\/sys \(was read-only\)/);
  }
});

test("one loss is told once, and again when it comes back and goes", () => {
  const exposures = engine();
  const without = context(container(runcMounts(["keys"])));
  assert.equal(exposures.act(call("umount2"), without).length, 1);
  assert.deepEqual(exposures.act(call("umount2"), without), []);
  exposures.posture(container(runcMounts()));
  assert.deepEqual(brief(exposures.act(call("umount2"), without)), ["critical proc-mask-removed 2"]);
});

test("a loss that the inventory saw first is still told", () => {
  const exposures = engine();
  exposures.posture(container(runcMounts(["keys"])));
  const changes = exposures.act(call("umount2"), context(container(runcMounts(["keys"]))));
  assert.deepEqual(brief(changes), ["critical proc-mask-removed 1"]);
});

test("other mounts, failed calls and containers without masks are nothing, and not looked at without need", () => {
  const intact = context(container(runcMounts([], ["90 65 0:90 / /data rw - tmpfs t rw"])));
  assert.deepEqual(engine().act(call("umount2"), intact), []);
  const refused = call("umount2", { ret: -1, errno: "EPERM" });
  assert.deepEqual(engine().act(refused, context(container(runcMounts(["keys"])))), []);

  const unmasked = runcMounts([...MASKS, ...READONLY]);
  const mustNotLook: ActContext = { ...context(), after: () => assert.fail("nothing to compare") };
  assert.deepEqual(engine(unmasked).act(call("umount2"), mustNotLook), []);
});

test("of a task that is gone, what the call named has to do", () => {
  const named = (syscall: string, args: SyscallEvent["args"]) =>
    brief(engine().act(call(syscall, { args }), context()));
  const removed = ["critical proc-mask-removed 1"];
  const remounted = ["critical proc-remount-writable 1"];
  assert.deepEqual(named("umount2", { target: "/proc/keys/", flags: [] }), removed);
  assert.deepEqual(named("umount2", { target: "/data", flags: [] }), []);
  assert.deepEqual(named("move_mount", { from_path: "/proc/sys", to_path: "/x" }), removed);
  assert.deepEqual(named("mount", { source: "/proc/keys", target: "/x", mountflags: ["MS_MOVE"] }), removed);
  assert.deepEqual(named("mount", { target: "/proc/sys", mountflags: ["MS_REMOUNT", "MS_BIND"] }), remounted);
  assert.deepEqual(
    named("mount", { target: "/proc/sys", mountflags: ["MS_REMOUNT", "MS_BIND", "MS_RDONLY"] }),
    [],
  );
  const attr = { attr_set: [], attr_clr: ["MOUNT_ATTR_RDONLY"], propagation: [], userns_fd: 0 };
  assert.deepEqual(named("mount_setattr", { path: "/proc/sys", attr }), remounted);
});

const FRESH = { source: "proc", target: "/mnt", filesystemtype: "proc", mountflags: [], data: null } as const;

test("a procfs that a container makes is high, and medium in a user namespace", () => {
  const expected = (severity: string) => [`${severity} proc-mount-in-container 1`];
  const event = call("mount", { args: FRESH });
  assert.deepEqual(brief(engine().act(event, context())), expected("high"));
  const nested = call("mount", {
    args: FRESH,
    namespaces: refs(namespaces({ mnt: 200, pid: 204, user: 999 })),
  });
  assert.deepEqual(brief(engine().act(nested, context())), expected("medium"));
});

test("fsconfig makes a procfs when it creates the superblock of a proc context", () => {
  const target = { via: "fscontext", fs_type: "proc", purpose: "mount", user_ns: 105 } as const;
  const configured = (cmd: string, fs_type: string) =>
    brief(
      engine().act(call("fsconfig", { args: { fd: 3, cmd }, target: { ...target, fs_type } }), context()),
    );
  assert.deepEqual(configured("FSCONFIG_CMD_CREATE", "proc"), ["high proc-mount-in-container 1"]);
  assert.deepEqual(configured("FSCONFIG_CMD_CREATE_EXCL", "proc"), ["high proc-mount-in-container 1"]);
  assert.deepEqual(configured("FSCONFIG_SET_STRING", "proc"), []);
  assert.deepEqual(configured("FSCONFIG_CMD_CREATE", "tmpfs"), []);
});

test("binds, remounts, other filesystems and failures make no procfs", () => {
  const made = (args: SyscallEvent["args"], more: Partial<SyscallEvent> = {}) =>
    engine().act(call("mount", { args: { ...FRESH, ...args }, ...more }), context(container(runcMounts())));
  assert.deepEqual(made({ mountflags: ["MS_REMOUNT"] }), []);
  assert.deepEqual(made({ mountflags: ["MS_BIND", "MS_REC"] }), []);
  assert.deepEqual(made({ filesystemtype: "tmpfs" }), []);
  assert.deepEqual(made({}, { ret: -1, errno: "EPERM" }), []);
});

test("a string that others could have rewritten says nothing of what the kernel did", () => {
  const exposures = engine();
  const rewritable = { mm_shared: true } as const;
  assert.deepEqual(exposures.act(call("mount", { args: FRESH, ...rewritable }), context()), []);
  assert.equal(exposures.suppressed().get("rewritable"), 1);
  const other = { ...FRESH, filesystemtype: "tmpfs" };
  assert.deepEqual(exposures.act(call("mount", { args: other, ...rewritable }), context()), []);
  assert.equal(exposures.suppressed().get("rewritable"), 1);
  // the kernel's own copy cannot be rewritten
  const copied = call("mount", { args: FRESH, ...rewritable, strings: "kernel" });
  assert.deepEqual(brief(exposures.act(copied, context())), ["high proc-mount-in-container 1"]);
  const umount = call("umount2", { args: { target: "/proc/keys", flags: [] }, ...rewritable });
  assert.deepEqual(exposures.act(umount, context()), []);
});

test("the kernel's word counts more than the string that was read", () => {
  const pidns = { pid_ns: 204, pid_namespace: { inum: 204, id: null }, pid_ns_relation: "same" } as const;
  const procfs = { dev: "0:77", ...pidns, user_ns: 105, hidepid: "off", gid: 0, subset: null };
  const event = call("mount", { args: { ...FRESH, filesystemtype: "tmpfs" }, outcome: { procfs } });
  const [finding] = engine().act(event, context());
  assert.match(finding?.evidence[0]?.fact ?? "", /device 0:77, which shows pid:\[204\]/);
});

test("a runtime at work is let pass by executable and lineage, and counted", () => {
  const as = (exe: string, parentExe: string, parentNs: NsInums | null) => {
    const exposures = engine();
    const { process } = call("mount");
    const event = call("mount", {
      args: FRESH,
      process: { ...process, exe, comm: "runc:[2:INIT]", parent: { comm: "runc", exe: parentExe } },
    });
    const changes = exposures.act(event, context(null, parentNs));
    return [changes.length, exposures.suppressed().get("runtime-setup") ?? 0];
  };
  const passed = [0, 1];
  const found = [1, 0];
  assert.deepEqual(as("/usr/sbin/runc", "/usr/sbin/runc", HOST_NS), passed);
  assert.deepEqual(as("/memfd:runc_cloned:/proc/self/exe (deleted)", "/usr/sbin/runc", HOST_NS), passed);
  assert.deepEqual(as("/usr/bin/crun", "/usr/bin/crun", HOST_NS), passed);
  assert.deepEqual(
    as("/bin/sh", "/usr/sbin/runc", HOST_NS),
    found,
    "its comm says runc, its executable does not",
  );
  assert.deepEqual(
    as("/usr/sbin/runc", "/usr/bin/containerd-shim-runc-v2", HOST_NS),
    found,
    "an image's own runc",
  );
  assert.deepEqual(as("/usr/sbin/runc", "/usr/sbin/runc", OWN_NS), found, "both are in the container");
});

test("acts in the agent's own container are counted and not told", () => {
  const exposures = engine();
  exposures.leaveOut("c1");
  assert.deepEqual(exposures.act(call("mount", { args: FRESH }), context()), []);
  const weakened = [superblock("0:40", 204, { hidepid: "invisible" }), superblock("0:40", 204)] as const;
  assert.deepEqual(exposures.instanceChanged(...weakened, call("mount")), []);
  assert.equal(exposures.suppressed().get("own-container"), 2);
  assert.equal(exposures.instanceChanged(...weakened, call("mount", { container: null })).length, 1);
});

test("what protects one container is bounded, however much it stacks on its /proc", () => {
  const protections = new Protections();
  const stack = (from: number) =>
    Array.from(
      { length: 200 },
      (_, index) => `${1000 + from + index} 66 0:40 /${from + index} /proc/${from + index} ro - proc proc rw`,
    );
  for (const from of [1, 201, 401]) protections.seen(container(runcMounts([], stack(from))));
  const lost = protections.takeLosses(container(runcMounts([...MASKS, ...READONLY])));
  assert.ok(lost.some(({ protection }) => protection.path === "/keys"));
  // eight by runc, and as many of the container's own as have room
  assert.equal(protections.evictions, 8 + 600 - 256);
  const atOnce = new Protections();
  atOnce.seen(container(runcMounts([], [...stack(1), ...stack(201)])));
  assert.equal(atOnce.evictions, 8 + 400 - 256);
});

test("an event of another call meets no rule", () => {
  const exposures = engine();
  assert.equal(exposures.concerns(call("setns"), HOST_NS), true);
  assert.equal(exposures.concerns(call("setns", { ret: -9, errno: "EBADF" }), HOST_NS), false);
  assert.equal(exposures.concerns(call("setns", { changed: {} }), HOST_NS), false);
  assert.equal(exposures.concerns(call("chroot"), HOST_NS), false);
  assert.equal(exposures.concerns(call("mount", { container: null }), HOST_NS), false);
  assert.deepEqual(exposures.act(call("chroot"), context(container(runcMounts(MASKS)))), []);
});

test("hidepid is weakened by less of it or by a group, not by more of it", () => {
  const state = (hidepid: "off" | "noaccess" | "invisible" | "ptraceable", gid = 0) =>
    superblock("0:40", 204, { hidepid, gid });
  assert.equal(hidepidWeakened(state("invisible"), state("off")), true);
  assert.equal(hidepidWeakened(state("ptraceable"), state("invisible")), true);
  assert.equal(hidepidWeakened(state("noaccess"), state("off")), true);
  assert.equal(hidepidWeakened(state("off"), state("invisible")), false);
  assert.equal(hidepidWeakened(state("invisible"), state("ptraceable")), false);
  assert.equal(hidepidWeakened(state("invisible"), state("invisible")), false);
  assert.equal(hidepidWeakened(state("invisible"), state("invisible", 1000)), true);
  assert.equal(hidepidWeakened(state("invisible", 1000), state("invisible")), false);
  assert.equal(hidepidWeakened(state("off"), state("off", 1000)), false);
  assert.equal(hidepidWeakened(state("ptraceable"), state("ptraceable", 1000)), false);
});

test("a weakened hidepid is worse on the host's own /proc", () => {
  const changed = (dev: string, more: Partial<SyscallEvent> = {}) =>
    engine().instanceChanged(
      superblock(dev, 204, { hidepid: "invisible" }),
      superblock(dev, 204),
      call("mount", more),
    );
  const [inContainer] = changed("0:40");
  assert.deepEqual([inContainer?.severity, inContainer?.subject.kind], ["medium", "container"]);
  const [onHost] = changed(HOST_PROC_DEV, { container: null });
  assert.deepEqual(
    [onHost?.severity, onHost?.subject.kind, onHost?.subject.id],
    ["high", "process", "4300:5"],
  );
  const same = superblock("0:40", 204);
  assert.deepEqual(engine().instanceChanged(same, same, call("mount")), []);
});
