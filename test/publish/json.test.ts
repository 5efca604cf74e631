import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { Arg, KeyholeEvent, SyscallEvent } from "../../src/event.js";
import { serialise } from "../../src/publish/json.js";

const PROCESS = {
  pid: 1,
  tid: 1,
  ppid: 0,
  uid: 0,
  gid: 0,
  comm: '"\u001b\\',
  exe: null,
  start: "1",
  ns_pid: 1,
  parent: null,
};
const NAMESPACES = { mnt: { inum: 1, id: "2" } };

function call(parts: Partial<SyscallEvent>): SyscallEvent {
  return {
    schema: 1,
    seq: 1,
    time: "2026-11-22T11:05:22.370380315Z",
    node: 'a"b',
    type: "syscall",
    syscall: "mount",
    abi: "x86_64",
    duration_ns: null,
    args: {},
    strings: "user-exit",
    ret: 0,
    process: PROCESS,
    container: null,
    namespaces: NAMESPACES,
    ...parts,
  };
}

/** Names of arguments and of flags come from tables of the decoder; all else from a traced process. */
const name = fc.stringMatching(/^[A-Za-z_0-9]+$/);
const text = fc.string({ unit: "binary" });
const arg: fc.Arbitrary<Arg> = fc.letrec<{ arg: Arg }>((tie) => ({
  arg: fc.oneof(
    { depthSize: "small" },
    fc.constant(null),
    fc.integer(),
    text,
    fc.array(name),
    fc.dictionary(name, tie("arg")),
  ),
})).arg;

/** The members may stand in another order. */
function assertSame(event: KeyholeEvent): void {
  assert.deepEqual(JSON.parse(serialise(event)), JSON.parse(JSON.stringify(event)));
}

describe("serialise", () => {
  it("gives what JSON.stringify gives, whatever a traced process put into it", () => {
    fc.assert(
      fc.property(fc.dictionary(name, arg), text, (args, comm) => {
        assertSame(call({ args, process: { ...PROCESS, comm }, node: comm }));
      }),
    );
  });

  it("gives it for events with every optional member", () => {
    const event = call({
      ret: -16,
      errno: "EBUSY",
      mm_shared: true,
      truncated: ["target"],
      unreadable: { data: "EFAULT" },
      raw: { "args.target": "/w==" },
      container: { id: "a", runtime: null, name: null, image: null, pod: null },
      direction: "same",
      outcome: null,
      resolved: { target: "/a\u0001" },
      options: null,
      reason: "busy",
      changed: {},
      target: { via: "other", magic: "0x1", fs_type: '"' },
      summary: { count: 2, from: "a", to: "b" },
    });
    assertSame(event);
  });

  it("makes the text of an object that two events share once, and right for both", () => {
    const events: KeyholeEvent[] = [call({ seq: 1 }), call({ seq: 2, ret: -1 })];
    for (const event of [...events, ...events]) assertSame(event);
  });

  it("leaves out what is undefined", () => {
    const event = { ...call({}), target: undefined } as unknown as SyscallEvent;
    assertSame(event);
  });
});
