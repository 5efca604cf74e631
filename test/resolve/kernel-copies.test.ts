import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { decodeArguments } from "../../src/capture/arguments.js";
import { CALL_BY_OP } from "../../src/capture/calls.js";
import { EVENT, FieldId, Flag, Kind, Status } from "../../src/capture/wire.js";
import { KernelCopies, type RecordAt } from "../../src/resolve/kernel-copies.js";
import { type FieldBytes, record } from "../capture/records.js";

const [MOUNT, UMOUNT2, FSCONFIG, MOVE_MOUNT, CHROOT] = [3, 4, 8, 10, 15];
const TID = 77;
/** When the call was entered and how long it took. */
const ENTERED = 5_000n;
const DURATION = 250n;

/** Components from the last one up, each ended by a NUL, as bpf/path.h sends a path. */
function path(text: string): string {
  return text
    .split("/")
    .filter(Boolean)
    .reverse()
    .map((name) => `${name}\0`)
    .join("");
}

function duration(nanoseconds: bigint): FieldBytes {
  return { id: FieldId.duration, bytes: new Uint8Array(BigUint64Array.of(nanoseconds).buffer) };
}

/** The kernel's copies of `fields`, and then a call of the same thread: joined. */
function join(
  op: number,
  copied: readonly FieldBytes[],
  call: { args: readonly bigint[]; fields: readonly FieldBytes[]; entered?: bigint; op?: number },
): RecordAt {
  const copies = new KernelCopies();
  const copy = record({ kind: Kind.copy, tid: TID, op, args: [ENTERED], fields: copied });
  copies.keep(copy, 0);
  copy.bytes.fill(0xff);
  const returned = record({
    tid: TID,
    op: call.op ?? op,
    time: (call.entered ?? ENTERED) + DURATION,
    args: call.args,
    fields: [duration(DURATION), ...call.fields],
  });
  return copies.join(returned, 0);
}

function argumentsOf({ wire, record: at }: RecordAt): Record<string, unknown> {
  const call = CALL_BY_OP[wire.u32(at + EVENT.op)];
  assert.ok(call);
  return decodeArguments(wire, at, call, wire.fields(at)).args;
}

function isKernels({ wire, record: at }: RecordAt): boolean {
  return (wire.u32(at + EVENT.flags) & Flag.kernelStrings) !== 0;
}

const MOUNTED = {
  copied: [
    { id: 0, bytes: "proc" },
    { id: 2, bytes: "proc" },
    { id: 4, bytes: "hidepid=2" },
    { id: FieldId.path, bytes: path("/mnt/p") },
  ],
  args: [0x1000n, 0x2000n, 0x3000n, 0n, 0x4000n],
  fields: [
    { id: 0, bytes: "other" },
    { id: 2, bytes: "tmpfs" },
    { id: 4, bytes: "size=1" },
    { id: 1, bytes: "/mnt/p" },
  ],
};

describe("the kernel's copies of a call's strings", () => {
  it("take the place of what user memory held after the call", () => {
    const joined = join(MOUNT, MOUNTED.copied, MOUNTED);
    assert.deepEqual(argumentsOf(joined), {
      source: "proc",
      target: "/mnt/p",
      filesystemtype: "proc",
      mountflags: [],
      data: "hidepid=2",
    });
    assert.ok(isKernels(joined));
    assert.equal(joined.wire.fields(joined.record)[0]?.id, FieldId.duration);
  });

  it("tell a target that another thread has rewritten as the path that the kernel found", () => {
    const fields = [...MOUNTED.fields.slice(0, 3), { id: 1, bytes: "/mnt/innocent" }];
    const joined = join(MOUNT, MOUNTED.copied, { ...MOUNTED, fields });
    assert.equal(argumentsOf(joined).target, "/mnt/p");
    assert.ok(isKernels(joined));
  });

  it("tell a target that could not be read", () => {
    const fields = [...MOUNTED.fields.slice(0, 3), { id: 1, status: Status.fault, bytes: "" }];
    assert.equal(argumentsOf(join(MOUNT, MOUNTED.copied, { ...MOUNTED, fields })).target, "/mnt/p");
  });

  it("leave a relative target as it was given when it leads where the kernel went", () => {
    const fields = [
      ...MOUNTED.fields.slice(0, 3),
      { id: 1, bytes: "./p" },
      { id: FieldId.base, bytes: path("/mnt") },
    ];
    assert.equal(argumentsOf(join(MOUNT, MOUNTED.copied, { ...MOUNTED, fields })).target, "./p");
  });

  it("leave the string where the kernel's path cannot be told, and say that it is user memory's", () => {
    const copied = [
      ...MOUNTED.copied.slice(0, 3),
      { id: FieldId.path, status: Status.outside, bytes: path("/p") },
    ];
    const joined = join(MOUNT, copied, MOUNTED);
    assert.equal(argumentsOf(joined).target, "/mnt/p");
    assert.ok(!isKernels(joined));
  });

  it("know a relative path after chroot(2) by its end, since where it started from is gone", () => {
    const copied = [{ id: FieldId.path, bytes: path("/srv/root") }];
    const call = (text: string) => ({ args: [0x1000n], fields: [{ id: 0, bytes: text }] });
    assert.equal(argumentsOf(join(CHROOT, copied, call("."))).path, ".");
    assert.equal(argumentsOf(join(CHROOT, copied, call("root"))).path, "root");
    assert.equal(argumentsOf(join(CHROOT, copied, call("elsewhere"))).path, "/srv/root");
  });

  it("have both paths of move_mount(2), of which the first may be a descriptor that is nowhere", () => {
    const copied = [
      { id: FieldId.path, status: Status.outside, bytes: path("/") },
      { id: FieldId.toPath, bytes: path("/mnt/p") },
    ];
    const fields = [
      { id: 1, bytes: "" },
      { id: 3, bytes: "/mnt/other" },
    ];
    const joined = join(MOVE_MOUNT, copied, { args: [5n, 0x1000n, -100n, 0x2000n, 4n], fields });
    const { from_path, to_path } = argumentsOf(joined);
    assert.deepEqual({ from_path, to_path }, { from_path: "", to_path: "/mnt/p" });
    assert.ok(isKernels(joined));
  });

  it("are not those of a command of fsconfig(2) that takes no strings", () => {
    const copied = [
      { id: 2, bytes: "source" },
      { id: 3, bytes: "x" },
    ];
    const create = { args: [3n, 6n, 0n, 0n, 0n], fields: [] };
    assert.ok(!isKernels(join(FSCONFIG, copied, create)));
    const set = { args: [3n, 1n, 0x1000n, 0x2000n, 0n], fields: [{ id: 2, bytes: "hidepid" }] };
    const { key, value } = argumentsOf(join(FSCONFIG, copied, set));
    assert.deepEqual({ key, value }, { key: "source", value: "x" });
  });

  it("belong to one call: not to another one, nor to one that was entered at another time", () => {
    for (const call of [
      { ...MOUNTED, entered: ENTERED + 1n },
      { ...MOUNTED, op: UMOUNT2 },
    ]) {
      const joined = join(MOUNT, MOUNTED.copied, call);
      assert.ok(!isKernels(joined));
      assert.equal(joined.record, 0);
    }
  });

  it("are used once, and those of the call itself come first", () => {
    const copies = new KernelCopies();
    const keep = (source: string): void =>
      copies.keep(
        record({ kind: Kind.copy, tid: TID, op: MOUNT, args: [ENTERED], fields: [{ id: 0, bytes: source }] }),
        0,
      );
    keep("own");
    keep("of the file system");
    const call = record({
      tid: TID,
      op: MOUNT,
      time: ENTERED + DURATION,
      args: MOUNTED.args,
      fields: [duration(DURATION), ...MOUNTED.fields],
    });
    assert.equal(argumentsOf(copies.join(call, 0)).source, "own");
    assert.equal(argumentsOf(copies.join(call, 0)).source, "other");
  });

  it("have a bound, and what makes room is counted", () => {
    const copies = new KernelCopies();
    for (let tid = 1; tid <= 4100; tid++) {
      copies.keep(record({ kind: Kind.copy, tid, op: MOUNT, args: [ENTERED], fields: [] }), 0);
    }
    assert.equal(copies.evictions, 4);
  });
});
