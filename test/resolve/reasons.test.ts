import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CALLS } from "../../src/capture/calls.js";
import type { SyscallEvent, Target } from "../../src/event.js";
import { NS_LINKS } from "../../src/kernel/links.js";
import { reasonOf } from "../../src/resolve/reasons/reasons.js";
import type { Refused } from "../../src/resolve/reasons/refused.js";

const PROCFS: Target = { via: "fscontext", fs_type: "proc", purpose: "mount", user_ns: 1 };

function refused(args: SyscallEvent["args"], more: Partial<Refused> = {}): Refused {
  return {
    args,
    unreadable: {},
    target: undefined,
    options: undefined,
    stable: true,
    phase: null,
    created: false,
    ns: NS_LINKS.map(() => 1),
    namespaces: { user: { inum: 1, id: null }, time: { inum: 1, id: null } },
    graph: { get: () => undefined, isInit: () => false },
    isSince: () => false,
    ...more,
  };
}

// What a kernel that the tests run on can refuse is compared with it in test/kernel/agent/refusals.test.ts.

describe("the reason of what this kernel cannot be asked", () => {
  it("a flag that newer kernels have", () => {
    const empty = (flags: string[]) => reasonOf("unshare", "EINVAL", refused({ flags }));
    assert.match(empty(["UNSHARE_EMPTY_MNTNS"])!, /^the kernel is older than UNSHARE_EMPTY_MNTNS/);
    assert.match(
      empty(["CLONE_NEWUSER", "UNSHARE_EMPTY_MNTNS"])!,
      /^one of: the kernel is older .*; the caller has other threads$/,
    );
    const fsmount = refused(
      { fd: 3, flags: ["FSMOUNT_NAMESPACE"], attr_flags: [] },
      { target: PROCFS, created: true },
    );
    assert.match(reasonOf("fsmount", "EINVAL", fsmount)!, /^the kernel is older than FSMOUNT_NAMESPACE/);
  });

  it("fchroot(2)", () => {
    const of = (errno: string, fd: number | string, flags: string[] = []) =>
      reasonOf("fchroot", errno, refused({ fd, flags }));
    assert.equal(of("EINVAL", 3, ["0x1"]), "flags is not 0");
    assert.match(of("EINVAL", "FD_FAILFS_ROOT")!, /CLONE_FS/);
    assert.equal(of("EINVAL", 3), undefined);
    assert.equal(of("EBADF", 3), "fd is not an open descriptor");
    assert.match(of("EPERM", 3)!, /CAP_SYS_CHROOT in its own user namespace$/);
    assert.match(of("EPERM", "FD_FAILFS_ROOT")!, /no_new_privs/);
  });

  it("time namespaces of a kernel that has none", () => {
    const { time, ...namespaces } = refused({}).namespaces;
    assert.equal(
      reasonOf("unshare", "EINVAL", refused({ flags: ["CLONE_NEWTIME"] }, { namespaces })),
      "the kernel has no time namespaces",
    );
  });

  it("a command that needs a newer kernel or filesystem", () => {
    const excl = refused({ fd: 3, cmd: "FSCONFIG_CMD_CREATE_EXCL", key: null, value: null, aux: 0 });
    assert.match(reasonOf("fsconfig", "EOPNOTSUPP", excl)!, /^one of: .*6\.6/);
  });
});

describe("the release of the kernel", () => {
  const since = (major: number, minor: number) => (wanted: number, than: number) =>
    wanted < major || (wanted === major && than <= minor);
  it("leaves out that it is older than what was asked of it", () => {
    const args = { fd: 3, cmd: "FSCONFIG_SET_STRING", key: "pidns", value: "/proc/1/ns/pid", aux: 0 };
    const options = { fs_type: "proc", pidns: "/proc/1/ns/pid" } as const;
    const of = (isSince: Refused["isSince"]) =>
      reasonOf("fsconfig", "EINVAL", refused(args, { target: PROCFS, options, phase: 0, isSince }))!;
    assert.match(
      of(since(6, 17)),
      /^one of: the kernel is older than procfs's option pidns \(Linux 6\.18\); pidns is not/,
    );
    assert.match(of(since(6, 18)), /^one of: pidns is not a pid namespace; the pid namespace is neither/);
  });

  it("says what cannot be changed any more", () => {
    const args = { fd: 3, cmd: "FSCONFIG_CMD_RECONFIGURE", key: null, value: null, aux: 0 };
    const of = (isSince: Refused["isSince"]) =>
      reasonOf("fsconfig", "EINVAL", refused(args, { target: PROCFS, phase: 6, isSince }));
    assert.equal(of(since(7, 1)), "dirsync cannot be changed");
    assert.equal(of(since(7, 2)), "one of: dirsync cannot be changed; subset=pid cannot be changed");
  });
});

describe("the value of pidns", () => {
  const of = (type: "pid" | "uts" | null) => {
    const namespace = type === null ? null : { type, inum: 5, id: null };
    const options = { fs_type: "proc", pidns: { fd: 4, namespace, relation: null } } as const;
    const args = { fd: 3, cmd: "FSCONFIG_SET_FD", key: "pidns", value: null, aux: 4 };
    const more = { target: PROCFS, options, phase: 0, isSince: () => true };
    return reasonOf("fsconfig", "EINVAL", refused(args, more));
  };
  it("says which of the checks it did not pass", () => {
    assert.equal(of(null), "pidns is not a pid namespace");
    assert.equal(of("uts"), "pidns is not a pid namespace");
    assert.match(of("pid")!, /^the pid namespace is neither the caller's own nor a descendant/);
  });
});

describe("there is no reason", () => {
  it("for errors that can come from anywhere", () => {
    for (const { name } of CALLS) assert.equal(reasonOf(name, "ENOMEM", refused({})), undefined);
    assert.equal(reasonOf("mount", "ENOENT", refused({ filesystemtype: "proc", mountflags: [] })), undefined);
    assert.equal(reasonOf("umount2", "EINVAL", refused({ flags: [] })), undefined);
  });

  it("that rests on memory that others could write", () => {
    const options = { fs_type: "proc", invalid: ["hidepid=3"] } as const;
    const mount = refused({ filesystemtype: "proc", mountflags: [] }, { options });
    assert.match(reasonOf("mount", "EINVAL", mount)!, /options\.invalid/);
    assert.equal(reasonOf("mount", "EINVAL", { ...mount, stable: false }), undefined);
    assert.notEqual(reasonOf("mount", "EPERM", mount), undefined);
    assert.equal(reasonOf("mount", "EPERM", { ...mount, stable: false }), undefined);
    const args = { cl_args: { flags: ["CLONE_NEWNS", "CLONE_FS"], set_tid: null }, size: 88 };
    assert.notEqual(reasonOf("clone3", "EINVAL", refused(args)), undefined);
    assert.equal(reasonOf("clone3", "EINVAL", refused(args, { stable: false })), undefined);
  });

  it("where a security module looks at the option first", () => {
    const options = { fs_type: "proc", unknown: ["context=u:r:t"] } as const;
    const mount = refused({ filesystemtype: "proc", mountflags: [] }, { options });
    assert.equal(reasonOf("mount", "EINVAL", mount), undefined);
  });

  it("for choosing a pid without the capability for it", () => {
    const cl_args = { flags: ["CLONE_NEWNS"], set_tid: "0x7f00" };
    assert.equal(reasonOf("clone3", "EPERM", refused({ cl_args, size: 88 })), undefined);
  });

  it("for what another filesystem says", () => {
    const args = { fd: 3, cmd: "FSCONFIG_SET_FLAG", key: "x", value: null, aux: 0 };
    const more = { target: { ...PROCFS, fs_type: "ext4" }, phase: 0 };
    for (const errno of ["EINVAL", "EPERM", "EBUSY"])
      assert.equal(reasonOf("fsconfig", errno, refused(args, more)), undefined, errno);
  });
});

describe("a mount that is too revealing", () => {
  const fsmount = (isInit: boolean) =>
    refused(
      { fd: 3, flags: [], attr_flags: [] },
      {
        target: PROCFS,
        created: true,
        graph: { get: () => ({ owner: { inum: 9 } }) as never, isInit: () => isInit },
      },
    );
  it("is one that the initial user namespace cannot make", () => {
    assert.match(reasonOf("fsmount", "EPERM", fsmount(false))!, /mount too revealing/);
    assert.doesNotMatch(reasonOf("fsmount", "EPERM", fsmount(true))!, /mount too revealing/);
  });
});
