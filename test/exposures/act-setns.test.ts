import assert from "node:assert/strict";
import { test } from "node:test";
import type { SyscallEvent } from "../../src/event.js";
import { Exposures } from "../../src/exposures/engine.js";
import { DETECTORS, withOverrides } from "../../src/exposures/rule-set.js";
import { LINK_INDEX, type NsType } from "../../src/kernel/links.js";
import { brief, call, changes, context, engine, entering, OWN_NS, refs } from "./act-call.js";
import { HOST_NS, HOST_PROC_DEV, namespaces } from "./container.js";

const OTHER = { id: "c2", runtime: null, name: null, image: null, pod: null };
const OTHER_NS = namespaces({ mnt: 300, pid: 304, pid_for_children: 304, net: 303 });

function byPidfd(
  where: "host" | "other" | "own",
  types: readonly NsType[],
  more: Partial<SyscallEvent> = {},
) {
  const ns = where === "host" ? HOST_NS : where === "other" ? OTHER_NS : OWN_NS;
  const container = { host: null, other: OTHER, own: call("setns").container }[where];
  const flags: Record<string, string> = { mnt: "CLONE_NEWNS", pid: "CLONE_NEWPID", net: "CLONE_NEWNET" };
  return call("setns", {
    args: { fd: 3, nstype: types.map((type) => flags[type]!) },
    target: { via: "pidfd", pid: 77, tid: 77, comm: "x", namespaces: refs(ns), container },
    changed: changes(Object.fromEntries(types.map((type) => [type, ns[LINK_INDEX[type]]!]))),
    direction: where === "host" ? "container-to-host" : "to-sibling",
    ...more,
  });
}

test("setns with a pidfd of a process of the host is told as that, and as an entry into the host beside it", () => {
  const [finding, ...others] = engine().act(byPidfd("host", ["mnt"]), context());
  assert.deepEqual(others, []);
  assert.deepEqual(
    [finding?.severity, finding?.rule, finding?.also],
    ["critical", "ns-enter-pidfd-foreign", ["ns-enter-host"]],
  );
});

test("a rule that is switched off does not hide the one that it subsumes", () => {
  const rules = withOverrides(DETECTORS, { disable: ["ns-enter-pidfd-foreign"], severity: {} });
  const exposures = new Exposures({ rules, hostProcDev: HOST_PROC_DEV });
  const found = exposures.act(byPidfd("host", ["mnt"]), context());
  assert.deepEqual(brief(found), ["critical ns-enter-host 1"]);
  assert.equal(exposures.suppressed().get("disabled"), 1);
});

test("setns with a pidfd of another container is high, refused low, and into one's own nothing", () => {
  const other = engine().act(byPidfd("other", ["mnt", "pid"]), context());
  assert.deepEqual(brief(other), ["high ns-enter-pidfd-foreign 1"]);
  assert.match(
    other[0]!.evidence[0]!.fact,
    /now in the mnt, pid namespace of process 77 in another container/,
  );
  const refused = byPidfd("other", ["mnt"], { ret: -1, errno: "EPERM", changed: {} });
  assert.deepEqual(brief(engine().act(refused, context())), ["low ns-enter-pidfd-foreign 1"]);
  assert.deepEqual(engine().act(byPidfd("own", ["mnt"]), context()), []);
  // its own runtime, into a container that it has made
  const below = byPidfd("other", ["pid"], { direction: "to-descendant" });
  assert.deepEqual(engine().act(below, context()), []);
  assert.deepEqual(engine().act(byPidfd("other", ["pid"], { changed: {} }), context()), []);
});

function at(event: SyscallEvent, milliseconds: number, tid = 4300): SyscallEvent {
  const time = `${new Date(Date.parse(event.time) + milliseconds).toISOString().slice(0, -1)}000000Z`;
  return { ...event, time, process: { ...event.process, tid } };
}

function toHost(type: NsType): SyscallEvent {
  const to = { [type]: HOST_NS[LINK_INDEX[type]]! };
  const changed = Object.fromEntries(
    Object.entries(changes(to)).map(([link, step]) => [link, { ...step, from: { inum: 555, id: null } }]),
  );
  return entering(type, { changed, direction: "container-to-host" });
}

test("user, mount and pid namespaces of the host within a second are a move", () => {
  const exposures = engine();
  const told = (["user", "mnt", "pid"] as const).map((type, index) =>
    brief(exposures.act(at(toHost(type), index * 400), context())),
  );
  assert.deepEqual(told, [
    ["critical ns-enter-host 1"],
    // the same finding again, doubled
    ["critical ns-enter-host 2"],
    ["critical ns-enter-composite 1"],
  ]);
});

test("four types are a move, five are the same one, and three others or slow ones are none", () => {
  const rules = (types: readonly NsType[], step: number, tids: readonly number[] = []) => {
    const exposures = engine();
    const all = types.flatMap((type, index) =>
      exposures.act(at(toHost(type), index * step, tids[index]), context()),
    );
    return all.filter(({ rule }) => rule === "ns-enter-composite").map(({ severity }) => severity);
  };
  assert.deepEqual(rules(["uts", "ipc", "net", "cgroup", "mnt"], 10), ["critical"]);
  assert.deepEqual(rules(["uts", "ipc", "net"], 10), []);
  assert.deepEqual(rules(["uts", "ipc", "net", "cgroup"], 600), []);
  assert.deepEqual(rules(["uts", "ipc", "net", "cgroup"], 10, [1, 2, 3, 4]), [], "by four threads");
});

test("one call with a pidfd for many types is a move; that into one's own containers is none", () => {
  const many = byPidfd("other", ["mnt", "pid", "net"], {
    changed: changes({ user: 305, mnt: 300, pid: 304, net: 303 }),
  });
  const [finding, ...others] = engine().act(many, context());
  assert.deepEqual(others, []);
  assert.deepEqual([finding?.severity, finding?.rule], ["high", "ns-enter-composite"]);
  assert.deepEqual(finding?.also, ["ns-enter-pidfd-foreign"]);
  const nested = { ...many, direction: "to-descendant" } as const;
  assert.deepEqual(engine().act(nested, context()), []);
});

test("what was entered is remembered of the tasks that did so last", () => {
  const exposures = engine();
  for (let tid = 1; tid <= 5_000; tid++) exposures.act(at(toHost("uts"), 0, tid), context());
  assert.equal(exposures.evictions().memory, 5_000 - 4_096);
});

const INTO = { container: null, direction: "host-to-container", changed: changes({ mnt: 300 }) } as const;

test("a process of the host that enters a container is told as that container's", () => {
  const event = call("setns", INTO);
  const [finding, ...others] = engine().act(event, { ...context(), entered: () => OTHER });
  assert.deepEqual(others, []);
  assert.deepEqual(
    [finding?.severity, finding?.rule, finding?.subject.kind, finding?.subject.id, finding?.subject.pid],
    ["info", "ns-enter-container", "container", "c2", 4300],
  );
  const [unknown] = engine().act(event, { ...context(), entered: () => null });
  assert.deepEqual([unknown?.subject.kind, unknown?.subject.id], ["process", "4300:5"]);
});

test("runtimes and network plugins that enter containers are counted, and what goes elsewhere is nothing", () => {
  const exposures = engine();
  const { process } = call("setns");
  const runtime = call("setns", { ...INTO, process: { ...process, exe: "/usr/sbin/runc" } });
  assert.deepEqual(exposures.act(runtime, context()), []);
  assert.equal(exposures.suppressed().get("runtime-setup"), 1);
  assert.deepEqual(exposures.act(call("setns", { ...INTO, changed: changes({ net: 303 }) }), context()), []);
  assert.equal(exposures.suppressed().get("network-setup"), 1);
  assert.deepEqual(exposures.act(call("setns", { ...INTO, direction: "same", changed: {} }), context()), []);
  assert.deepEqual(exposures.act(call("setns", { ...INTO, ret: -1, errno: "EPERM" }), context()), []);
});
