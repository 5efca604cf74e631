import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { decodeArguments } from "../../src/capture/arguments.js";
import { CALLS, callTable } from "../../src/capture/calls.js";
import { Status } from "../../src/capture/wire.js";
import { type RecordParts, record } from "./records.js";

function decode(name: string, parts: RecordParts) {
  const call = CALLS.find((candidate) => candidate.name === name)!;
  const wire = record({ ...parts, op: call.op });
  return decodeArguments(wire, 0, call, wire.fields(0));
}

const POINTER = 0x7f00_0000_1000n;

describe("decodeArguments", () => {
  it("tells a NULL pointer from one that could not be read, and why it could not", () => {
    const mount = (ret: bigint) =>
      decode("mount", {
        ret,
        args: [0n, POINTER, POINTER, 0x1000n, POINTER],
        fields: [
          { id: 1, bytes: "/mnt" },
          { id: 2, status: Status.fault, bytes: "" },
        ],
      });
    const { args, unreadable } = mount(0n);
    assert.deepEqual(args, {
      source: null,
      target: "/mnt",
      filesystemtype: null,
      mountflags: ["MS_BIND"],
      data: null,
    });
    assert.deepEqual(unreadable, { filesystemtype: "not-resident", data: "no-room" });
    assert.deepEqual(mount(-14n).unreadable, { filesystemtype: "EFAULT", data: "no-room" });
    assert.deepEqual(mount(-22n).unreadable, { filesystemtype: "not-resident", data: "no-room" });
  });

  it("keeps the exact bytes of what is not UTF-8", () => {
    const bytes = Buffer.from([0x2f, 0xff, 0x1b, 0x5b]);
    const { args, raw } = decode("chroot", { args: [POINTER], fields: [{ id: 0, bytes }] });
    assert.equal(args.path, "/\ufffd\u001b[");
    assert.deepEqual(Buffer.from(raw["args.path"]!, "base64"), bytes);
  });

  it("keeps no bytes of a name that really has a replacement character in it", () => {
    const { args, raw } = decode("chroot", { args: [POINTER], fields: [{ id: 0, bytes: "/\ufffd" }] });
    assert.equal(args.path, "/\ufffd");
    assert.deepEqual(raw, {});
  });

  it("names strings that were cut", () => {
    const cut = { id: 0, status: Status.cut, bytes: "a".repeat(4096) };
    const { truncated } = decode("umount2", { args: [POINTER, 0n], fields: [cut] });
    assert.deepEqual(truncated, ["target"]);
  });

  it("shows the bits of a flag word that have no name as one number", () => {
    assert.deepEqual(decode("umount2", { args: [0n, 0x80000002n] }).args.flags, ["MNT_DETACH", "0x80000000"]);
  });

  it("takes a descriptor as the int that the kernel takes", () => {
    assert.equal(decode("setns", { args: [0xffff_ffffn, 0n] }).args.fd, -1);
    assert.equal(decode("open_tree", { args: [0xffff_ffff_ffff_ff9cn, 0n, 0n] }).args.dirfd, "AT_FDCWD");
  });

  it("names the root that fchroot(2) has no descriptor for", () => {
    assert.deepEqual(decode("fchroot", { args: [0xffff_d8ecn, 0n] }).args, {
      fd: "FD_FAILFS_ROOT",
      flags: [],
    });
    assert.deepEqual(decode("fchroot", { args: [5n, 1n] }).args, { fd: 5, flags: ["0x1"] });
  });

  it("tells the same word of two calls apart, and a word that came before again", () => {
    const flags = (name: string, word: bigint) => decode(name, { args: [word, 0n] }).args.flags;
    for (let round = 0; round < 2; round++) {
      assert.deepEqual(flags("unshare", 0x100000n), ["UNSHARE_EMPTY_MNTNS"]);
      assert.deepEqual(flags("clone", 0x100000n), ["CLONE_PARENT_SETTID"]);
      assert.deepEqual(flags("unshare", 0x80n), ["CLONE_NEWTIME"]);
    }
    // more words than are remembered
    for (let bit = 0n; bit < 1000n; bit++) {
      const word = (bit + 1n) << 40n;
      assert.deepEqual(flags("unshare", word), [`0x${word.toString(16)}`]);
    }
  });

  it("strips the magic number of old callers of mount(2)", () => {
    const { args } = decode("mount", { args: [0n, 0n, 0n, 0xc0ed_1021n, 0n] });
    assert.deepEqual(args.mountflags, ["MS_MGC_VAL", "MS_RDONLY", "MS_REMOUNT", "MS_BIND"]);
  });

  it("decodes the value of fsconfig(2) by its command", () => {
    const value = (cmd: bigint, field?: string) =>
      decode("fsconfig", {
        args: [3n, cmd, POINTER, POINTER, 0n],
        fields: [{ id: 2, bytes: "hidepid" }, ...(field === undefined ? [] : [{ id: 3, bytes: field }])],
      }).args;
    assert.equal(value(1n, "2").value, "2");
    assert.equal(value(1n, "2").cmd, "FSCONFIG_SET_STRING");
    assert.deepEqual(value(2n, "\u0001b").value, { base64: "AWI=" });
    assert.equal(value(6n).value, `0x${POINTER.toString(16)}`);
    assert.equal(value(99n).cmd, "0x63");
  });

  it("redacts the secrets in options, and does not give them away as raw bytes", () => {
    const options = Buffer.concat([Buffer.from("user=me,PassWord=hunter2,x="), Buffer.from([0xff])]);
    const { args, raw } = decode("mount", {
      args: [0n, 0n, 0n, 0n, POINTER],
      fields: [{ id: 4, bytes: options }],
    });
    assert.equal(args.data, "user=me,PassWord=[redacted],x=\ufffd");
    assert.deepEqual(raw, {});
    const secret = decode("fsconfig", {
      args: [3n, 1n, POINTER, POINTER, 0n],
      fields: [
        { id: 2, bytes: "secret" },
        { id: 3, bytes: "hunter2" },
      ],
    });
    assert.equal(secret.args.value, "[redacted]");
  });

  it("decodes as much of struct mount_attr as the caller gave", () => {
    const attr = Buffer.alloc(32);
    attr.writeBigUInt64LE(1n, 0);
    attr.writeBigUInt64LE(0x70n, 8);
    attr.writeBigUInt64LE(1n << 18n, 16);
    attr.writeBigUInt64LE(7n, 24);
    const whole = decode("mount_setattr", {
      args: [0n, 0n, 0n, POINTER, 32n],
      fields: [{ id: 3, bytes: attr }],
    });
    assert.deepEqual(whole.args.attr, {
      attr_set: ["MOUNT_ATTR_RDONLY"],
      attr_clr: ["MOUNT_ATTR__ATIME"],
      propagation: ["MS_PRIVATE"],
      userns_fd: 7,
    });
    const half = decode("mount_setattr", {
      args: [0n, 0n, 0n, POINTER, 16n],
      fields: [{ id: 3, bytes: attr.subarray(0, 16) }],
    });
    assert.deepEqual(half.args.attr, { attr_set: ["MOUNT_ATTR_RDONLY"], attr_clr: ["MOUNT_ATTR__ATIME"] });
  });

  it("takes the exit signal out of the flags of clone(2), and CLONE_NEWTIME for none of them", () => {
    const { args } = decode("clone", { args: [0x2000_0011n, 0n, 0n, 0n, 0n] });
    assert.deepEqual(args.flags, ["CLONE_NEWPID", "SIGCHLD"]);
    assert.deepEqual(decode("clone", { args: [0x80n] }).args.flags, ["128"]);
  });

  it("decodes struct clone_args, in which CLONE_NEWTIME is a flag", () => {
    const cloneArgs = Buffer.alloc(88);
    cloneArgs.writeBigUInt64LE(0x22_0000_0080n, 0);
    cloneArgs.writeBigUInt64LE(17n, 32);
    const { args } = decode("clone3", { args: [POINTER, 88n], fields: [{ id: 0, bytes: cloneArgs }] });
    assert.deepEqual(args.cl_args, {
      flags: ["CLONE_NEWTIME", "CLONE_INTO_CGROUP", "CLONE_EMPTY_MNTNS"],
      pidfd: null,
      child_tid: null,
      parent_tid: null,
      exit_signal: "SIGCHLD",
      stack: null,
      stack_size: "0x0",
      tls: null,
      set_tid: null,
      set_tid_size: 0,
      cgroup: 0,
    });
  });
});

describe("callTable", () => {
  it("has every call under its own number in each ABI", () => {
    const table = callTable("x64");
    const name = (op: number) => CALLS.find((call) => call.op === op)?.name;
    assert.equal(name(table[308]! & 0xff), "setns");
    assert.equal(name(table[346]! >> 8), "setns");
    // 21 is access(2) to a 64-bit caller and mount(2) to a 32-bit one
    assert.equal(table[21]! & 0xff, 0);
    assert.equal(name(table[21]! >> 8), "mount");
    assert.equal(table[429], table[429]! & 0xff ? (table[429]! & 0xff) * 0x101 : -1);
    assert.equal(name(callTable("arm64")[268]! & 0xff), "setns");
    for (const arch of ["x64", "arm64"]) assert.equal(name(callTable(arch)[472]!), "fchroot");
  });
});
