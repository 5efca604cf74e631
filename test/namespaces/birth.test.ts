import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, describe, it } from "node:test";
import type { SyscallEvent } from "../../src/event.js";
import { HostPath } from "../../src/kernel/host-path.js";
import type { NsInums } from "../../src/kernel/links.js";
import { tellBirths } from "../../src/namespaces/birth.js";
import { NamespaceGraph } from "../../src/namespaces/graph.js";

let host: HostPath;
before(() => {
  host = new HostPath(mkdtempSync(join(tmpdir(), "keyhole-")));
});
after(() => rmSync(host.root, { recursive: true }));

let graph: NamespaceGraph;
beforeEach(() => {
  graph = new NamespaceGraph({ host });
});

const NS: NsInums = [10, 11, 12, 13, 14, 15, 16, 17, 24, 27];

function event(parts: Pick<SyscallEvent, "syscall" | "ret" | "args" | "outcome">): SyscallEvent {
  const about = { time: "2026-11-22T11:05:22.370380315Z", process: { pid: 812 } };
  return { ...about, ...parts } as unknown as SyscallEvent;
}

const BIRTH = { pid: 812, time: Date.UTC(2026, 10, 22, 11, 5, 22, 370) };

describe("tellBirths", () => {
  it("tells what unshare(2) made, of pid and time namespaces those of the children", () => {
    const flags = ["CLONE_NEWNS", "CLONE_NEWPID", "CLONE_NEWTIME", "CLONE_FS"];
    tellBirths(graph, event({ syscall: "unshare", ret: 0, args: { flags } }), NS);
    const birth = { call: "unshare", ...BIRTH };
    for (const [type, inum] of [
      ["mnt", 10],
      ["pid", 24],
      ["time", 27],
    ] as const) {
      assert.deepEqual(graph.get(type, inum)?.birth, birth, type);
    }
    assert.equal([...graph.all()].length, 3);
  });

  it("tells what clone3(2) made for the child", () => {
    const child = {
      pid: 900,
      tid: 900,
      flags: ["CLONE_NEWPID", "CLONE_NEWUSER"],
      namespaces: { pid: { inum: 34, id: null }, user: { inum: 35, id: null }, net: { inum: 13, id: null } },
    };
    tellBirths(graph, event({ syscall: "clone3", ret: 900, args: {}, outcome: { child } }), NS);
    const birth = { call: "clone3", ...BIRTH };
    assert.deepEqual(graph.get("pid", 34)?.birth, birth);
    assert.deepEqual(graph.get("user", 35)?.birth, birth);
    assert.equal([...graph.all()].length, 2);
  });

  it("tells nothing of a call that failed, or did not return, or makes nothing", () => {
    const flags = ["CLONE_NEWNS"];
    tellBirths(graph, event({ syscall: "unshare", ret: -1, args: { flags } }), NS);
    tellBirths(graph, event({ syscall: "unshare", ret: null, args: { flags } }), NS);
    tellBirths(graph, event({ syscall: "unshare", ret: 0, args: { flags: [] } }), NS);
    tellBirths(graph, event({ syscall: "unshare", ret: 0, args: { flags: null } }), NS);
    tellBirths(graph, event({ syscall: "setns", ret: 0, args: { nstype: flags } }), NS);
    assert.deepEqual([...graph.all()], []);
  });
});
