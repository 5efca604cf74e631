import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CALLS } from "../../src/capture/calls.js";
import { Clock } from "../../src/capture/clock.js";
import { FieldId, FSCONTEXT, NSFS, SUPERBLOCK } from "../../src/capture/wire.js";
import type { SyscallEvent } from "../../src/event.js";
import { HostPath } from "../../src/kernel/host-path.js";
import { LINK_INDEX, type NsLink } from "../../src/kernel/links.js";
import { NamespaceGraph } from "../../src/namespaces/graph.js";
import type { Task } from "../../src/namespaces/task.js";
import { Tasks } from "../../src/namespaces/tasks.js";
import { SyscallResolver, UNTOLD } from "../../src/resolve/syscall.js";
import { Containers } from "../../src/workloads/containers.js";
import { type FieldBytes, type RecordParts, record } from "../capture/records.js";

const NOBODY = "/nonexistent";

/** Tasks that are in no /proc: nothing but the records tells of them. */
class Fixture {
  readonly graph = new NamespaceGraph({ host: new HostPath(NOBODY) });
  readonly tasks = new Tasks();
  readonly resolver: SyscallResolver;

  constructor() {
    const { graph, tasks } = this;
    const host = new HostPath(NOBODY);
    const containers = new Containers({ host, hostNs: graph.anchors.host, graph });
    const clock = new Clock(() => 0n);
    this.resolver = new SyscallResolver({ clock, tasks, graph, containers, mountNamespaceIds: true });
  }

  /** What is made of the return of `name`. */
  call(name: string, parts: RecordParts): SyscallEvent {
    const { op } = CALLS.find((candidate) => candidate.name === name)!;
    const resolved = this.resolver.resolve(record({ ...parts, op }), 0);
    assert.ok(resolved !== null && resolved !== UNTOLD);
    return resolved.event as SyscallEvent;
  }

  /** A fork record of `tid`, as the agent takes it; the child is in `ns`. */
  fork(parent: number, tid: number, ns: readonly number[]): Task {
    const wire = record({ kind: 2, pid: tid, ns });
    const child = this.tasks.fork(wire.task(0), parent, 1_000n);
    this.resolver.expectClone(parent, { task: child, flags: 0n });
    this.graph.observe(child);
    return child;
  }
}

const HOME = [10, 11, 12, 13, 14, 15, 16, 17, 14, 17];

function moved(links: Partial<Record<NsLink, number>>): number[] {
  const ns = [...HOME];
  for (const [link, inum] of Object.entries(links)) ns[LINK_INDEX[link as NsLink]] = inum;
  return ns;
}

function changes({ changed }: SyscallEvent): Record<string, readonly [number | undefined, number]> | null {
  if (changed === null || changed === undefined) return null;
  return Object.fromEntries(
    Object.entries(changed).map(([link, { from, to }]) => [link, [from?.inum, to.inum]]),
  );
}

describe("a crossing", () => {
  it("says each link that changed, for children too", () => {
    const fixture = new Fixture();
    fixture.call("setns", { ret: -9n, args: [-1n], ns: HOME, time: 1n });
    const event = fixture.call("unshare", {
      ns: moved({ uts: 21, pid_for_children: 24, time_for_children: 27 }),
      time: 2n,
    });
    assert.deepEqual(changes(event), {
      uts: [11, 21],
      pid_for_children: [14, 24],
      time_for_children: [17, 27],
    });
    assert.equal(event.direction, "to-descendant");
    // whoever joins a pid namespace can come from anywhere
    const joined = fixture.call("setns", { ns: moved({ pid_for_children: 34 }), args: [3n], time: 3n });
    assert.equal(joined.direction, "unknown");
  });

  it("says that nothing changed where it failed, and leads nowhere", () => {
    const event = new Fixture().call("setns", { ret: -1n, args: [3n], ns: HOME });
    assert.deepEqual(event.changed, {});
    assert.equal("direction" in event, false);
    const blocked = new Fixture().call("unshare", { ret: 272n, flags: 2, ns: HOME });
    assert.deepEqual([blocked.ret, blocked.changed], [null, {}]);
  });

  it("says that nothing changed where it led to where its caller was", () => {
    const fixture = new Fixture();
    fixture.call("setns", { ret: -9n, args: [-1n], ns: HOME, time: 1n });
    const event = fixture.call("setns", { args: [3n], ns: HOME, time: 2n });
    assert.deepEqual([event.changed, event.direction], [{}, "same"]);
  });

  it("does not know what changed where nothing is known of before", () => {
    const event = new Fixture().call("unshare", { ns: HOME });
    assert.deepEqual([event.changed, event.direction], [null, "unknown"]);
  });

  it("starts from where the thread was, not from where its leader is", () => {
    const fixture = new Fixture();
    const leader = { pid: 100, tid: 100 };
    const thread = { pid: 100, tid: 101 };
    fixture.call("setns", { ...leader, ret: -9n, args: [-1n], ns: HOME, time: 1n });
    // nothing is known of the thread yet: it is like its leader
    assert.deepEqual(changes(fixture.call("unshare", { ...thread, ns: moved({ net: 23 }), time: 2n })), {
      net: [13, 23],
    });
    assert.deepEqual(changes(fixture.call("unshare", { ...thread, ns: moved({ net: 33 }), time: 3n })), {
      net: [23, 33],
    });
    assert.deepEqual(changes(fixture.call("unshare", { ...leader, ns: moved({ uts: 41 }), time: 4n })), {
      uts: [11, 41],
    });
  });

  it("is absent from calls that are none", () => {
    assert.equal("changed" in new Fixture().call("chroot", { ns: HOME }), false);
  });
});

describe("a clone", () => {
  it("says where its child was born, whatever has become of it since", () => {
    const fixture = new Fixture();
    const child = fixture.fork(100, 200, moved({ uts: 21, pid: 24, pid_for_children: 24 }));
    // with CLONE_VFORK the child has executed, moved on and ended before the call returns
    fixture.tasks.exec({ ...child, ns: moved({ uts: 99 }) }, 200, 1_500n);
    fixture.tasks.exit(200);
    fixture.graph.forget(200);
    const event = fixture.call("clone", { ret: 200n, args: [0x4000n], ns: HOME, time: 2_000n });
    assert.deepEqual(changes(event), { uts: [11, 21], pid: [14, 24], pid_for_children: [14, 24] });
    assert.deepEqual([event.outcome?.child?.pid, event.outcome?.child?.tid], [200, 200]);
    assert.equal(event.namespaces.uts?.inum, 11);
  });

  it("does not know what changed where nobody told of the child", () => {
    const event = new Fixture().call("clone3", { ret: 200n, ns: HOME });
    assert.deepEqual([event.changed, event.direction, event.outcome], [null, "unknown", undefined]);
  });

  it("does not take the child of another call for its own", () => {
    const fixture = new Fixture();
    fixture.fork(100, 200, moved({ uts: 21 }));
    fixture.call("chroot", { ns: HOME });
    assert.equal(fixture.call("clone", { ret: 201n, ns: HOME }).changed, null);
  });

  it("changed nothing where it failed", () => {
    assert.deepEqual(new Fixture().call("clone", { ret: -1n, args: [0x20000n], ns: HOME }).changed, {});
  });
});

/** A struct of bpf/event.h with some of its members. */
function struct(
  id: number,
  size: number,
  members: Readonly<Record<number, number | bigint | string>>,
): FieldBytes {
  const bytes = Buffer.alloc(size);
  for (const [at, value] of Object.entries(members)) {
    if (typeof value === "string") bytes.write(value, Number(at));
    else if (typeof value === "bigint") bytes.writeBigUInt64LE(value, Number(at));
    else bytes.writeUInt32LE(value, Number(at));
  }
  return { id, bytes };
}

const superblock = (magic: bigint, type: string, pidNs = 0): FieldBytes =>
  struct(FieldId.superblock, SUPERBLOCK.sizeof, {
    [SUPERBLOCK.magic]: magic,
    [SUPERBLOCK.dev]: 41,
    [SUPERBLOCK.pid_ns]: pidNs,
    [SUPERBLOCK.fs_type]: type,
  });

const fsContext = (purpose: number): FieldBytes =>
  struct(FieldId.fscontext, FSCONTEXT.sizeof, { [FSCONTEXT.purpose]: purpose, [FSCONTEXT.fs_type]: "proc" });

describe("the target of a call", () => {
  it("is any file where a descriptor is not what the call takes, and a mount where it can be one", () => {
    const fields = [superblock(0x1021994n, "tmpfs")];
    const other = { via: "other", magic: "0x1021994", fs_type: "tmpfs" };
    for (const name of ["setns", "fsmount", "fsconfig"])
      assert.deepEqual(new Fixture().call(name, { ret: -22n, args: [3n], fields }).target, other, name);
    const target = { via: "mount", fs_type: "tmpfs", dev: "0:41" };
    assert.deepEqual(new Fixture().call("move_mount", { fields }).target, target);
  });

  it("says what the descriptor of a refused setns(2) was", () => {
    const nsfs = struct(FieldId.nsfs, NSFS.sizeof, {
      [NSFS.type]: 0x20000000,
      [NSFS.inum]: 77,
      [NSFS.id]: 5n,
    });
    const event = new Fixture().call("setns", { ret: -22n, args: [3n, 0n], ns: HOME, fields: [nsfs] });
    assert.deepEqual(event.target, { via: "nsfs", type: "pid", inum: 77, id: "5" });
    assert.equal(event.reason, "the pid namespace is neither the caller's own nor a descendant of it");
  });

  it("of fsmount(2) is what the context was for when it was mounted", () => {
    const purpose = (ret: bigint) => {
      const { target } = new Fixture().call("fsmount", { ret, args: [3n], fields: [fsContext(2)] });
      return target?.via === "fscontext" ? target.purpose : null;
    };
    assert.equal(purpose(4n), "mount");
    assert.equal(purpose(-16n), "reconfigure");
  });
});

describe("the pid namespace of a procfs", () => {
  const shown = (pidNs: number) => {
    const fields = [fsContext(0), superblock(0x9fa0n, "proc", pidNs)];
    const { outcome } = new Fixture().call("fsconfig", { args: [3n, 6n], ns: HOME, fields });
    return [outcome?.procfs?.pid_ns, outcome?.procfs?.pid_namespace, outcome?.procfs?.pid_ns_relation];
  };
  it("is told with where it lies, seen from the caller's", () => {
    assert.deepEqual(shown(14), [14, { inum: 14, id: null }, "same"]);
    assert.deepEqual(shown(15), [15, { inum: 15, id: null }, null]);
    // all pid namespaces are below the initial one, include/linux/proc_ns.h
    assert.deepEqual(shown(0xeffffffc), [0xeffffffc, { inum: 0xeffffffc, id: null }, "ancestor"]);
  });
});
