import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Arg, SyscallEvent } from "../../src/event.js";
import { compare, describeComparison } from "./compare.js";
import { parseThread } from "./parse.js";
import { type ExpectedCall, expectedCalls } from "./shapes.js";

const UNREADABLE = { path: "EFAULT" };

/** An event of thread 7; only what the comparison looks at. */
function event(part: Partial<SyscallEvent>): SyscallEvent {
  const process = {
    pid: 7,
    tid: 7,
    ppid: 1,
    uid: 0,
    gid: 0,
    comm: "x",
    exe: null,
    start: "1",
    ns_pid: 7,
    parent: null,
  };
  return {
    ...{ schema: 1, seq: 1, time: "", node: "", type: "syscall", syscall: "setns", abi: "x86_64" },
    ...{
      duration_ns: null,
      args: {},
      strings: "user-exit",
      ret: 0,
      process,
      container: null,
      namespaces: {},
    },
    ...part,
  } as SyscallEvent;
}

/** What strace's lines about one thread make Keyhole say; its number and address are put before each. */
function expectedOf(lines: readonly string[], tid = 7): ExpectedCall[] {
  return expectedCalls(parseThread(tid, lines.map((line) => `[ 165] [00007fea08c48829] ${line}`).join("\n")));
}

/** What the comparison of one line of strace with `events` says; the empty string where they agree. */
function verdict(line: string, ...events: SyscallEvent[]): string {
  return describeComparison(compare(expectedOf([line]), events));
}

/** The arguments of mount(2) in their order. */
function sorted(args: Record<string, Arg>): Record<string, Arg> {
  const names = ["source", "target", "filesystemtype", "mountflags", "data"];
  return Object.fromEntries(names.map((name) => [name, args[name] ?? null]));
}

const chroot = (part: Partial<SyscallEvent>) =>
  event({ syscall: "chroot", ret: -14, errno: "EFAULT", ...part });

describe("compare", () => {
  it("agrees on flags in any order, results and errors", () => {
    const nstype = ["CLONE_NEWNET", "CLONE_NEWUTS", "0x100"];
    const setns = event({ args: { fd: 3, nstype }, ret: -22, errno: "EINVAL" });
    assert.equal(
      verdict("setns(3, CLONE_NEWUTS|CLONE_NEWNET|0x100) = -1 EINVAL (Invalid argument)", setns),
      "",
    );
    assert.equal(verdict("setns(3, 0) = 0", event({ args: { fd: 3, nstype: [] } })), "");
  });

  it("names each thing that differs", () => {
    const setns = event({ args: { fd: 4, nstype: [] }, abi: "i386", ret: -1, errno: "EPERM" });
    const text = verdict("setns(3, CLONE_NEWUTS) = 0", setns);
    for (const part of ["abi:", "ret:", "errno:", "fd:", "nstype:"])
      assert.ok(text.includes(part), `${part} in ${text}`);
  });

  it("tells missed and extra calls, and pairs the rest", () => {
    const calls = expectedOf(["unshare(0) = 0", "setns(3, 0) = 0", "setns(4, 0) = 0"]);
    const events = [
      event({ args: { fd: 3, nstype: [] } }),
      event({ args: { fd: 9, nstype: [] }, ret: -9, errno: "EBADF" }),
      event({ args: { fd: 4, nstype: [] } }),
    ];
    const { matched, missed, extra, different } = compare(calls, events);
    assert.equal(matched, 2);
    assert.deepEqual(
      [missed.map(({ syscall }) => syscall), extra.map(({ ret }) => ret), different],
      [["unshare"], [-9], []],
    );
  });

  it("does not take the events of one thread for another's", () => {
    const { missed, extra } = compare(expectedOf(["unshare(0) = 0"], 8), [
      event({ syscall: "unshare", args: { flags: [] } }),
    ]);
    assert.deepEqual([missed.length, extra.length], [1, 1]);
  });

  it("compares the exact bytes of strings", () => {
    const line = 'chroot("\\x61\\xff") = -1 ENOENT (No such file or directory)';
    const failed = { ret: -2, errno: "ENOENT", args: { path: "a\ufffd" } };
    assert.equal(
      verdict(
        line,
        chroot({ ...failed, raw: { "args.path": Buffer.from([0x61, 0xff]).toString("base64") } }),
      ),
      "",
    );
    assert.match(verdict(line, chroot(failed)), /path: expected/);
  });

  it("takes a cut string for its beginning, and only where it says so", () => {
    const path = "k".repeat(300);
    const shown = path.slice(0, 256).replaceAll("k", "\\x6b");
    const line = `chroot("${shown}"...) = -1 EFAULT (Bad address)`;
    assert.equal(verdict(line, chroot({ args: { path } })), "");
    assert.equal(verdict(line, chroot({ args: { path: path.slice(0, 255) }, truncated: ["path"] })), "");
    assert.match(verdict(line, chroot({ args: { path: path.slice(0, 255) } })), /path: expected/);
    assert.match(verdict(line, chroot({ args: { path: "kk" }, truncated: ["path"] })), /path: expected/);
  });

  it("wants null and EFAULT for a string that could not be read", () => {
    const line = "chroot(0x1) = -1 EFAULT (Bad address)";
    assert.equal(verdict(line, chroot({ args: { path: null }, unreadable: UNREADABLE })), "");
    assert.match(verdict(line, chroot({ args: { path: null } })), /path: expected "0x1", got null/);
    assert.match(verdict(line, chroot({ args: { path: "a" } })), /path: expected "0x1", got "a"/);
    assert.match(
      verdict(
        "chroot(NULL) = -1 EFAULT (Bad address)",
        chroot({ args: { path: null }, unreadable: UNREADABLE }),
      ),
      /path/,
    );
  });

  it("compares the members of structures that strace shows", () => {
    const line =
      'mount_setattr(AT_FDCWD, "\\x2e", 0, {attr_set=MOUNT_ATTR_RDONLY, attr_clr=0, propagation=MS_SHARED, userns_fd=0}, 32) = 0';
    const attr = { attr_set: ["MOUNT_ATTR_RDONLY"], attr_clr: [], propagation: ["MS_SHARED"], userns_fd: 0 };
    const args = { dirfd: "AT_FDCWD", path: ".", flags: [], attr, size: 32 };
    assert.equal(verdict(line, event({ syscall: "mount_setattr", args })), "");
    const other = { ...args, attr: { ...attr, propagation: ["MS_SLAVE"] } };
    assert.match(verdict(line, event({ syscall: "mount_setattr", args: other })), /attr: expected/);
  });

  it("wants every argument under its name of the man page", () => {
    assert.match(
      verdict("unshare(0) = 0", event({ syscall: "unshare", args: { unshare_flags: [] } })),
      /names of args/,
    );
  });

  it("expects a clone only where it asks for a namespace", () => {
    const text = [
      "clone(child_stack=NULL, flags=SIGCHLD) = 8",
      "clone(child_stack=NULL, flags=CLONE_NEWPID|SIGCHLD) = 9",
    ];
    const calls = expectedOf(text);
    assert.deepEqual(
      calls.map(({ ending }) => ending),
      [{ kind: "returned", ret: 9n, errno: null }],
    );
    const args = {
      flags: ["CLONE_NEWPID", "SIGCHLD"],
      stack: null,
      parent_tid: "0x1",
      child_tid: null,
      tls: null,
    };
    const seen = compare(calls, [event({ syscall: "clone", args, ret: 9 })]);
    assert.equal(describeComparison(seen), "");
  });

  it("wants no result where a signal interrupted the call, and the kernel's code for it", () => {
    const line = "unshare(0) = ? ERESTARTSYS (To be restarted if SA_RESTART is set)";
    const unshare = { syscall: "unshare", args: { flags: [] }, ret: null };
    assert.equal(verdict(line, event({ ...unshare, outcome: { restarted: "ERESTARTSYS" } })), "");
    assert.match(verdict(line, event(unshare)), /outcome.restarted: expected "ERESTARTSYS"/);
    assert.match(verdict(line, event({ ...unshare, ret: -4, errno: "EINTR" })), /ret: expected null, got -4/);
  });

  it("wants no result where the caller was killed in its call", () => {
    const unshare = { syscall: "unshare", args: { flags: [] } };
    assert.equal(verdict("unshare(0 <unfinished ...>", event({ ...unshare, ret: null })), "");
    assert.match(
      verdict("unshare(0 <unfinished ...>", event({ ...unshare, ret: -4, errno: "EINTR" })),
      /ret: expected null, got -4/,
    );
  });

  it("looks through a redacted secret, and at nothing else through it", () => {
    const mount = (data: string) =>
      event({
        syscall: "mount",
        args: { source: "s", target: "t", filesystemtype: "cifs", mountflags: [], data },
      });
    const line = 'mount("\\x73", "\\x74", "\\x63\\x69\\x66\\x73", 0, "PASSWORD") = 0'.replace(
      "PASSWORD",
      [...Buffer.from("ro,password=x")].map((byte) => `\\x${byte.toString(16)}`).join(""),
    );
    assert.equal(verdict(line, mount("ro,password=[redacted]")), "");
    assert.equal(verdict(line, mount("ro,password=x")), "");
    assert.match(verdict(line, mount("rw,password=[redacted]")), /data: expected/);
    assert.match(verdict(line, mount("[redacted]")), /data: expected/);
  });

  it("knows what strace does not look at", () => {
    const args = { source: "s", target: "t", mountflags: ["MS_BIND"], data: null };
    const line = 'mount("\\x73", "\\x74", 0x1000, MS_BIND, NULL) = 0';
    assert.equal(
      verdict(line, event({ syscall: "mount", args: sorted({ ...args, filesystemtype: "x" }) })),
      "",
    );
    assert.match(
      verdict(line, event({ syscall: "mount", args: sorted({ ...args, filesystemtype: null }) })),
      /filesystemtype: expected "0x1000", got null/,
    );
  });

  it("takes a clone3 that strace does not show for one of Keyhole's, or not", () => {
    const line = "clone3(0x1000, 8) = -1 EINVAL (Invalid argument)";
    const args = { cl_args: { flags: ["CLONE_NEWUTS"] }, size: 8 };
    assert.equal(verdict(line), "");
    assert.equal(verdict(line, event({ syscall: "clone3", args, ret: -22, errno: "EINVAL" })), "");
  });

  it("takes of 32-bit callers the half of a register that the kernel takes", () => {
    const calls = expectedCalls(
      parseThread(7, "[  21] [5584a3309335] unshare(0xffffffff00000001) = -1 EINVAL (Invalid argument)"),
    );
    const unshare = { syscall: "unshare", abi: "i386", args: { flags: ["0x1"] }, ret: -22, errno: "EINVAL" };
    assert.equal(describeComparison(compare(calls, [event(unshare)])), "");
  });

  it("takes of a magic mount flag word the half that strace shows", () => {
    const line = "mount(NULL, NULL, NULL, MS_MGC_VAL|MS_RDONLY, NULL) = -1 EFAULT (Bad address)";
    const mount = (mountflags: readonly string[]) =>
      event({
        syscall: "mount",
        args: { source: null, target: null, filesystemtype: null, mountflags, data: null },
        ret: -14,
        errno: "EFAULT",
      });
    assert.equal(verdict(line, mount(["MS_MGC_VAL", "MS_RDONLY", "0x100000000"])), "");
    assert.match(verdict(line, mount(["MS_MGC_VAL", "MS_RDONLY", "0x100"])), /mountflags: expected/);
  });
});
