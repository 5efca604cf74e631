import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseStrace, type StraceCall, type StraceValue } from "./parse.js";

/** The one call of `text`. */
function only(text: string): StraceCall {
  const calls = parseStrace(text);
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

describe("parseStrace", () => {
  it("reads a success and a failure", () => {
    const calls = parseStrace(
      "8790  setns(4, CLONE_NEWUTS|CLONE_NEWNET) = 0\n8790  setns(-1, 0)  = -1 EBADF (Bad file descriptor)\n",
    );
    assert.deepEqual(
      calls.map(({ tid, name, ret, errno }) => ({ tid, name, ret, errno })),
      [
        { tid: 8790, name: "setns", ret: 0n, errno: null },
        { tid: 8790, name: "setns", ret: -1n, errno: "EBADF" },
      ],
    );
    assert.deepEqual(calls[0]!.args[1]!.value, { kind: "names", names: ["CLONE_NEWUTS", "CLONE_NEWNET"] });
    assert.deepEqual(calls[1]!.args[0]!.value, { kind: "number", value: -1n, hex: false });
  });

  it("reads flags without a name", () => {
    assert.deepEqual(values("1  unshare(0x1 /* CLONE_??? */) = -1 EINVAL (Invalid argument)"), [
      { kind: "number", value: 1n, hex: true },
    ]);
    assert.deepEqual(values("1  unshare(CLONE_NEWUTS|0x2) = -1 EINVAL (Invalid argument)"), [
      { kind: "names", names: ["CLONE_NEWUTS", "0x2"] },
    ]);
  });

  it("reads every byte of a string, and that it was cut", () => {
    const text = `1  mount("${hex('q"\\,)=')}", "\\xff\\x00", NULL, 0, "${hex("xx")}"...) = -1 EFAULT (Bad address)`;
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
      values('1  mount("", 0x1, NULL, MS_BIND, NULL) = -1 EFAULT (Bad address)').map(({ kind }) => kind),
      ["string", "number", "null", "names", "null"],
    );
  });

  it("reads structures, with what follows the part that strace knows", () => {
    const [attr, size] = values(
      '1  mount_setattr({attr_set=MOUNT_ATTR_RDONLY, attr_clr=0, propagation=0 /* MS_??? */, userns_fd=0, /* bytes 32..39 */ "\\x01"}, 40) = -1 E2BIG (Argument list too long)',
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
      "1  clone3({flags=CLONE_PIDFD|CLONE_NEWNET, pidfd=0x7fff0201590c, exit_signal=SIGCHLD, stack=NULL, stack_size=0} => {pidfd=[3]}, 88) = 8877",
    );
    assert.equal(call.args.length, 2);
    assert.equal(call.ret, 8877n);
  });

  it("reads arguments by name", () => {
    const call = only("1  clone(child_stack=NULL, flags=CLONE_NEWNS|SIGCHLD, parent_tid=[8867]) = 8867");
    assert.deepEqual(
      call.args.map(({ name }) => name),
      ["child_stack", "flags", "parent_tid"],
    );
    assert.deepEqual(call.args[2]!.value, {
      kind: "list",
      items: [{ kind: "number", value: 8867n, hex: false }],
    });
  });

  it("joins the halves of an interrupted call, and orders by the end", () => {
    const calls = parseStrace(
      [
        "10  clone(child_stack=NULL, flags=CLONE_NEWPID|SIGCHLD <unfinished ...>",
        "11  unshare(CLONE_NEWNS) = 0",
        "10  <... clone resumed>, child_tidptr=0x7f00) = 12",
        "11  +++ exited with 0 +++",
      ].join("\n"),
    );
    assert.deepEqual(
      calls.map(({ tid, name, ret }) => [tid, name, ret]),
      [
        [11, "unshare", 0n],
        [10, "clone", 12n],
      ],
    );
    assert.equal(calls[1]!.args.length, 3);
  });

  it("reads a call that never returned", () => {
    assert.equal(only("5  mount(NULL, NULL, NULL, 0, NULL) = ?\n5  +++ killed by SIGSYS +++").ret, null);
    assert.equal(only("5  unshare(CLONE_NEWNS <unfinished ...>\n5  +++ killed by SIGKILL +++").ret, null);
  });

  it("refuses what it does not know", () => {
    assert.throws(() => parseStrace("5  setns(@, 0) = 0"), /strace's output has/);
  });
});
