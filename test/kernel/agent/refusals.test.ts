import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { after, before, describe, it } from "node:test";
import { buildProgram, temporaryFolder } from "../../programs/build.js";
import { Agent } from "../capture/agent.js";

const NOT_OPEN = "fd is not an open descriptor";
const UNKNOWN_FLAGS = "flags has bits that the kernel does not know";
const NOT_CONTEXT = "fd is not a filesystem context";
const PIDNS_ABOVE = "the pid namespace is neither the caller's own nor a descendant of it";
const PIDNS_FIXED = "the pid namespace of an existing procfs cannot be changed";
const AWAITING = "the context has its superblock and waits for fsmount(2)";
const VALUE = "procfs does not take the value of an option (options.invalid)";
const KEY = "procfs has no such option (options.unknown)";
const OWN_ADMIN = "the caller lacks CAP_SYS_ADMIN in its own user namespace";
const MOUNT_ADMIN = "the caller lacks CAP_SYS_ADMIN in the user namespace that owns its mount namespace";
const SHARED_FS =
  "the caller shares its root and working directory with another task (CLONE_FS), as threads do";
const FILTER = "a seccomp filter refused the call";
const REVEALING =
  "mount too revealing: mounts over the instances of it that the caller has hide what a new one would show";

/**
 * What each case of test/programs/refused.c must be told for: its own cause alone, or (in a list) as one of several.
 * On an older or a newer kernel there may be fewer or more.
 */
const REASONS: Readonly<Record<string, string | readonly [string]>> = {
  "setns-not-open": NOT_OPEN,
  "setns-path-only": "fd was opened with O_PATH",
  "setns-other-file": "fd is neither a namespace file nor a pidfd",
  "setns-other-type": "nstype is not the type of the namespace, which is CLONE_NEWUTS",
  "setns-own-user": "it is the caller's own user namespace",
  "setns-user-threads": ["the caller has other threads"],
  "setns-mnt-threads": [SHARED_FS],
  "setns-pid-above": PIDNS_ABOVE,
  "setns-time-threads": "a task that shares its memory with another cannot join a time namespace",
  "setns-uts-unprivileged": [OWN_ADMIN],
  "setns-mnt-unprivileged": [OWN_ADMIN],
  "setns-user-unprivileged": ["the caller lacks CAP_SYS_ADMIN in that user namespace"],
  "setns-filtered": FILTER,
  "setns-answered": ["a seccomp filter answers for it"],
  "pidfd-without-type": "nstype is 0: with a pidfd it names the namespaces to join",
  "pidfd-unknown-type": "nstype has bits that name no namespace",
  "pidfd-own-user": "it is the caller's own user namespace",
  "pidfd-pid-above": PIDNS_ABOVE,
  "pidfd-ended": "the process of the pidfd has ended",
  "pidfd-unprivileged": ["the caller may not look into the process (ptrace read access, ptrace(2))"],
  "unshare-unknown": UNKNOWN_FLAGS,
  "unshare-threads": "the caller has other threads",
  "unshare-pid-twice": "the caller's children go to another pid namespace already",
  "unshare-pid-foreign": "the caller's user namespace is not below the one that owns its pid namespace",
  "unshare-unprivileged": [OWN_ADMIN],
  "unshare-chrooted": ["the caller is in a chroot"],
  "unshare-filtered": FILTER,
  "unshare-limit": "a limit on namespaces in /proc/sys/user is reached",
  "clone-excluding": "CLONE_NEWNS and CLONE_FS exclude each other",
  "clone-pid-twice": "the caller's children go to another pid namespace already",
  "clone3-excluding": "CLONE_NEWUSER and CLONE_FS exclude each other",
  "clone3-unprivileged": [OWN_ADMIN],
  "fsopen-unknown": UNKNOWN_FLAGS,
  "fsopen-no-type": "the kernel has no filesystem of that name",
  "fsopen-unprivileged": [MOUNT_ADMIN],
  "fspick-unknown": UNKNOWN_FLAGS,
  "fspick-no-root": "path is not the root of a mount",
  "fspick-unprivileged": [MOUNT_ADMIN],
  "fsconfig-negative": "fd is negative",
  "fsconfig-not-open": NOT_OPEN,
  "fsconfig-no-command": "the kernel does not know the command",
  "fsconfig-arguments": "FSCONFIG_SET_FLAG does not take such a key, value and aux",
  "fsconfig-no-context": NOT_CONTEXT,
  "fsconfig-value": VALUE,
  "fsconfig-kind": VALUE,
  "fsconfig-key": KEY,
  "fsconfig-source": "source has been set before",
  "fsconfig-pidns-other": "pidns is not a pid namespace",
  "fsconfig-pidns-not-open":
    "aux is not open, or was opened with O_PATH, which older kernels do not take here",
  "fsconfig-pidns-above": PIDNS_ABOVE,
  "fsconfig-pidns-unprivileged": [
    "the caller lacks CAP_SYS_ADMIN in the user namespace that owns the pid namespace of pidns",
  ],
  "fsconfig-pidns-fixed": PIDNS_FIXED,
  "fsconfig-create-twice": AWAITING,
  "fsconfig-set-late": AWAITING,
  "fsconfig-other-kind":
    "the context is not one for FSCONFIG_CMD_RECONFIGURE: fsopen(2) creates, fspick(2) reconfigures",
  "fsconfig-failed": "a command on the context failed before: it can only be closed",
  "fsconfig-dirsync": ["dirsync cannot be changed"],
  "fsconfig-create-unprivileged": [
    "the caller lacks CAP_SYS_ADMIN in the user namespace that the filesystem would belong to",
  ],
  "fsconfig-reconfigure-unprivileged": [
    "the caller lacks CAP_SYS_ADMIN in the user namespace that owns the superblock",
  ],
  "fsmount-unknown": UNKNOWN_FLAGS,
  "fsmount-attributes": "attr_flags has bits that fsmount(2) does not take",
  "fsmount-atime": "attr_flags names more than one way to keep access times",
  "fsmount-no-context": NOT_CONTEXT,
  "fsmount-not-open": NOT_OPEN,
  "fsmount-early": "the context has no superblock: FSCONFIG_CMD_CREATE makes it",
  "fsmount-twice": "the context does not wait to be mounted: it has been, or is one of fspick(2)",
  "fsmount-picked": "the context does not wait to be mounted: it has been, or is one of fspick(2)",
  "fsmount-unprivileged": [MOUNT_ADMIN],
  "fsmount-revealing": [REVEALING],
  "mount-revealing": [REVEALING],
  "mount-unprivileged": [MOUNT_ADMIN],
  "mount-value": VALUE,
  "mount-key": KEY,
  "mount-pidns-fixed": PIDNS_FIXED,
  "move-mount-unknown": UNKNOWN_FLAGS,
  "open-tree-unknown": UNKNOWN_FLAGS,
  "open-tree-recursive": "AT_RECURSIVE needs OPEN_TREE_CLONE",
  "open-tree-unprivileged": [MOUNT_ADMIN],
  "mount-setattr-unknown": "attr has attributes that the kernel does not know",
  "mount-setattr-size": "size is smaller than struct mount_attr (32 bytes)",
  "mount-setattr-propagation": "attr names more than one type of propagation",
  "mount-setattr-long": "attr is longer than what the kernel knows of it, and not zero there",
  "chroot-unprivileged": ["the caller lacks CAP_SYS_CHROOT in its own user namespace"],
  "fchroot-flags": "flags is not 0",
  "pivot-root-unprivileged": [MOUNT_ADMIN],
};

describe("why the kernel refused a call", () => {
  const refused = buildProgram("refused.c");
  const folder = temporaryFolder();
  const cases = spawnSync(refused, ["--list"], { encoding: "utf8" }).stdout.trim().split("\n");
  let agent: Agent;

  before(async () => {
    agent = await Agent.start();
  });

  after(async () => {
    assert.equal(await agent.stop(), 0);
  });

  it("is told for every case", () => assert.deepEqual(cases.toSorted(), Object.keys(REASONS).toSorted()));

  for (const name of cases) {
    it(name, async () => {
      const { pid, status, stderr } = spawnSync(refused, [name, folder], { encoding: "utf8" });
      assert.equal(status, 0, stderr);
      // some go on in a child, and that is where they end
      const failures = () =>
        agent.syscalls(
          ({ process, ret }) => [process.pid, process.ppid].includes(pid) && ret !== null && ret < 0,
        );
      await agent.until("the refusal", () => failures().length > 0);
      const expected = REASONS[name]!;
      const { reason = "", ...event } = failures().at(-1)!;
      const about = `${event.syscall} ${event.errno}: ${reason}`;
      if (event.errno === "ENOSYS" && name !== "setns-answered")
        assert.match(reason, /^one of: the kernel does not have the call; /, about);
      else if (typeof expected === "string") assert.equal(reason, expected, about);
      else {
        assert.ok(
          reason
            .replace(/^one of: /, "")
            .split("; ")
            .includes(expected[0]),
          about,
        );
      }
    });
  }

  it("is not that a mount is too revealing in the mount namespace of the host", async () => {
    const lines = [
      "import ctypes,os",
      "c=ctypes.CDLL(None)",
      "f=c.syscall(430,b'proc',0)",
      "c.syscall(431,f,6,None,None,0)",
      "os.setuid(65534)",
      "exit(c.syscall(432,f,0,0)!=-1 or c.mount(b'proc',b'/proc',b'proc',0,None)!=-1)",
    ];
    const { pid, status } = spawnSync("python3", ["-c", lines.join("\n")]);
    assert.equal(status, 0);
    const failures = () => agent.syscalls(({ process, errno }) => process.pid === pid && errno === "EPERM");
    await agent.until("both refusals", () => failures().length >= 2);
    for (const { syscall, reason } of failures()) {
      assert.ok(reason?.includes(MOUNT_ADMIN), syscall);
      assert.ok(!reason?.includes(REVEALING), syscall);
    }
  });
});
