import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseThread, type StraceCall, type StraceValue } from "./parse.js";

/** Lines as `strace -n -i` begins them. */
function lines(...texts: readonly string[]): string {
  return texts.map((text) => `[ 165] [00007fea08c48829] ${text}\n`).join("");
}

/** The one call of `texts`. */
function only(...texts: readonly string[]): StraceCall {
  const calls = parseThread(7, lines(...texts));
  assert.equal(calls.length, 1);
  return calls[0]!;
}

function values(text: string): readonly StraceValue[] {
  return only(text).args.map(({ value }) => value);
}

/** `text` as `strace -xx` writes it. */
function hex(text: string): string {
  return [...Buffer.from(text)].map((byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("");
}

describe("parseThread", () => {
  it("reads a success and a failure", () => {
    const calls = parseThread(
      8790,
      lines("setns(4, CLONE_NEWUTS|CLONE_NEWNET) = 0", "setns(-1, 0)  = -1 EBADF (Bad file descriptor)"),
    );
    assert.deepEqual(
      calls.map(({ tid, name, ending }) => ({ tid, name, ending })),
      [
        { tid: 8790, name: "setns", ending: { kind: "returned", ret: 0n, errno: null } },
        { tid: 8790, name: "setns", ending: { kind: "returned", ret: -1n, errno: "EBADF" } },
      ],
    );
    assert.deepEqual(calls[0]!.args[1]!.value, { kind: "names", names: ["CLONE_NEWUTS", "CLONE_NEWNET"] });
    assert.deepEqual(calls[0]!.args[0]!.value, { kind: "number", value: 4n, hex: false });
  });

  it("tells 32-bit callers by the width of the address", () => {
    const text = [
      "[ 310] [0804905b] unshare(CLONE_NEWNS)  = 0",
      "[ 310] [5584a3309335] unshare(CLONE_NEWNS)     = 0",
      "[ 272] [00007fea08c48829] unshare(CLONE_NEWNS) = 0",
    ];
    assert.deepEqual(
      parseThread(1, text.join("\n")).map(({ compat }) => compat),
      [true, true, false],
    );
  });

  it("reads flags without a name", () => {
    assert.deepEqual(values("unshare(0x1 /* CLONE_??? */) = -1 EINVAL (Invalid argument)"), [
      { kind: "number", value: 1n, hex: true },
    ]);
    assert.deepEqual(values("unshare(CLONE_NEWUTS|0x2) = -1 EINVAL (Invalid argument)"), [
      { kind: "names", names: ["CLONE_NEWUTS", "0x2"] },
    ]);
  });

  it("reads every byte of a string, and that it was cut", () => {
    const text = `mount("${hex('q"\\,)=')}", "\\xff\\x00", NULL, 0, "${hex("xx")}"...) = -1 EFAULT (Bad address)`;
    assert.deepEqual(values(text), [
      { kind: "string", bytes: Buffer.from('q"\\,)='), cut: false },
      { kind: "string", bytes: Buffer.from([0xff, 0]), cut: false },
      { kind: "null" },
      { kind: "number", value: 0n, hex: false },
      { kind: "string", bytes: Buffer.from("xx"), cut: true },
    ]);
  });

  it("tells the empty string from NULL and from an address", () => {
    assert.deepEqual(
      values('mount("", 0x1, NULL, MS_BIND, NULL) = -1 EFAULT (Bad address)').map(({ kind }) => kind),
      ["string", "number", "null", "names", "null"],
    );
  });

  it("reads structures, with what follows the part that strace knows", () => {
    const [attr, size] = values(
      'mount_setattr({attr_set=MOUNT_ATTR_RDONLY, attr_clr=0, propagation=0 /* MS_??? */, userns_fd=0, /* bytes 32..39 */ "\\x01"}, 40) = -1 E2BIG (Argument list too long)',
    );
    assert.ok(attr?.kind === "struct");
    assert.deepEqual(
      [...attr.fields.keys()],
      ["attr_set", "attr_clr", "propagation", "userns_fd", "/* bytes 32..39 */"],
    );
    assert.deepEqual(attr.fields.get("attr_set"), { kind: "names", names: ["MOUNT_ATTR_RDONLY"] });
    assert.deepEqual(size, { kind: "number", value: 40n, hex: false });
  });

  it("leaves out what the kernel wrote back", () => {
    const call = only(
      "clone3({flags=CLONE_PIDFD|CLONE_NEWNET, pidfd=0x7fff0201590c, exit_signal=SIGCHLD, stack=NULL, stack_size=0} => {pidfd=[3]}, 88) = 8877",
    );
    assert.equal(call.args.length, 2);
    assert.deepEqual(call.ending, { kind: "returned", ret: 8877n, errno: null });
  });

  it("reads arguments by name", () => {
    const call = only("clone(child_stack=NULL, flags=CLONE_NEWNS|SIGCHLD, parent_tid=[8867]) = 8867");
    assert.deepEqual(
      call.args.map(({ name }) => name),
      ["child_stack", "flags", "parent_tid"],
    );
    assert.deepEqual(call.args[2]!.value, {
      kind: "list",
      items: [{ kind: "number", value: 8867n, hex: false }],
    });
  });

  it("reads a call whose caller was killed", () => {
    const killed = { kind: "killed", sigsys: false };
    assert.deepEqual(
      only("mount(NULL, NULL, NULL, 0, NULL) = ?", "+++ killed by SIGKILL +++").ending,
      killed,
    );
    assert.deepEqual(
      only("unshare(CLONE_NEWNS <unfinished ...>", "+++ killed by SIGKILL +++").ending,
      killed,
    );
  });

  it("reads a call that a signal interrupted", () => {
    const calls = parseThread(
      1,
      lines("unshare(0) = ? ERESTARTSYS (To be restarted if SA_RESTART is set)", "unshare(0) = 0"),
    );
    assert.deepEqual(
      calls.map(({ ending }) => ending),
      [
        { kind: "interrupted", code: "ERESTARTSYS" },
        { kind: "returned", ret: 0n, errno: null },
      ],
    );
  });

  it("takes the number of a call for no result where seccomp ended it", () => {
    const seccomp = { kind: "seccomp" };
    assert.deepEqual(
      only("mount(NULL, NULL, NULL, 0, NULL) = 165", "+++ killed by SIGSYS +++").ending,
      seccomp,
    );
    const trap = "--- SIGSYS {si_signo=SIGSYS, si_code=SYS_SECCOMP, si_call_addr=0x1, si_errno=0} ---";
    assert.deepEqual(only("mount(NULL, NULL, NULL, 0, NULL) = 165", trap).ending, seccomp);
    assert.equal(only("setns(3, 0) = 0", "+++ killed by SIGSYS +++").ending.kind, "returned");
    assert.deepEqual(only("setns(3, 0) = ?", "+++ killed by SIGSYS +++").ending, {
      kind: "killed",
      sigsys: true,
    });
    assert.equal(
      only("mount(NULL, NULL, NULL, 0, NULL) = 165", "+++ killed by SIGKILL +++").ending.kind,
      "returned",
    );
  });

  it("refuses what it does not know", () => {
    assert.throws(() => parseThread(5, lines("setns(@, 0) = 0")), /strace's output has/);
    assert.throws(() => parseThread(5, "setns(3, 0) = 0"), /unknown line/);
  });
});
