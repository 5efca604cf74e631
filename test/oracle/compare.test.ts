import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { SyscallEvent } from "../../src/event.js";
import { compare, describeComparison } from "./compare.js";
import { parseStrace } from "./parse.js";
import { expectedCalls } from "./shapes.js";

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

/** What the comparison of one line of strace with `events` says; the empty string where they agree. */
function verdict(line: string, ...events: SyscallEvent[]): string {
  return describeComparison(compare(expectedCalls(parseStrace(`7  ${line}`)), events, "x86_64"));
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
    const calls = expectedCalls(parseStrace("7  unshare(0) = 0\n7  setns(3, 0) = 0\n7  setns(4, 0) = 0\n"));
    const events = [
      event({ args: { fd: 3, nstype: [] } }),
      event({ args: { fd: 9, nstype: [] }, ret: -9, errno: "EBADF" }),
      event({ args: { fd: 4, nstype: [] } }),
    ];
    const { matched, missed, extra, different } = compare(calls, events, "x86_64");
    assert.equal(matched, 2);
    assert.deepEqual(
      [missed.map(({ syscall }) => syscall), extra.map(({ ret }) => ret), different],
      [["unshare"], [-9], []],
    );
  });

  it("does not take the events of one thread for another's", () => {
    const { missed, extra } = compare(
      expectedCalls(parseStrace("8  unshare(0) = 0")),
      [event({ syscall: "unshare", args: { flags: [] } })],
      "x86_64",
    );
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
      "7  clone(child_stack=NULL, flags=SIGCHLD) = 8",
      "7  clone(child_stack=NULL, flags=CLONE_NEWPID|SIGCHLD) = 9",
    ];
    const calls = expectedCalls(parseStrace(text.join("\n")));
    assert.deepEqual(
      calls.map(({ ret }) => ret),
      [9n],
    );
    const args = {
      flags: ["CLONE_NEWPID", "SIGCHLD"],
      stack: null,
      parent_tid: "0x1",
      child_tid: null,
      tls: null,
    };
    const seen = compare(calls, [event({ syscall: "clone", args, ret: 9 })], "x86_64");
    assert.equal(describeComparison(seen), "");
  });
});
