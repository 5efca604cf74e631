import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { KeyholeEvent, SyscallEvent } from "../../src/event.js";
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

const json = fc.jsonValue({ maxDepth: 2 });

describe("serialise", () => {
  it("gives what JSON.stringify gives, whatever a traced process put into it", () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string({ unit: "binary" }), json),
        fc.string({ unit: "binary" }),
        (args, comm) => {
          const process = { ...PROCESS, comm };
          const event = call({ args: args as SyscallEvent["args"], process, node: comm });
          assert.equal(serialise(event), JSON.stringify(event));
        },
      ),
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
      container: { id: "a", runtime: null, name: null, pod: null },
      direction: "same",
      outcome: null,
    });
    assert.equal(serialise(event), JSON.stringify(event));
  });

  it("makes the text of an object that two events share once, and right for both", () => {
    const events: KeyholeEvent[] = [call({ seq: 1 }), call({ seq: 2, ret: -1 })];
    assert.deepEqual(
      events.map(serialise),
      events.map((event) => JSON.stringify(event)),
    );
  });

  it("leaves out what is undefined", () => {
    const event = { ...call({}), target: undefined } as unknown as SyscallEvent;
    assert.equal(serialise(event), JSON.stringify(event));
  });
});
