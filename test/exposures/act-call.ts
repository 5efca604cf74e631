import type { NamespaceRef, Namespaces, StoryEvent, StoryStep, SyscallEvent } from "../../src/event.js";
import type { ActContext } from "../../src/exposures/act.js";
import type { ContainerView } from "../../src/exposures/container-view.js";
import { Exposures } from "../../src/exposures/engine.js";
import { DETECTORS } from "../../src/exposures/rule-set.js";
import { LINK_INDEX, NS_TYPES, type NsInums, type NsType } from "../../src/kernel/links.js";
import type { Mount } from "../../src/kernel/mountinfo.js";
import { runcMounts } from "../mounts/mountinfo-text.js";
import { container, HOST_NS, HOST_PROC_DEV, namespaces } from "./container.js";

/** The namespaces of the container that {@link call} is made in. */
export const OWN_NS = namespaces({ mnt: 200, pid: 204, pid_for_children: 204 });

export function refs(inums: NsInums): Namespaces {
  return Object.fromEntries(NS_TYPES.map((type) => [type, { inum: inums[LINK_INDEX[type]]!, id: null }]));
}

/** A call of a task of container c1 that succeeded. */
export function call(syscall: string, more: Partial<SyscallEvent> = {}): SyscallEvent {
  return {
    schema: 1,
    seq: 17,
    time: "2026-11-23T00:00:00.000000000Z",
    node: "n",
    type: "syscall",
    syscall,
    abi: "x86_64",
    duration_ns: null,
    args: {},
    strings: "user-exit",
    ret: 0,
    process: {
      pid: 4300,
      tid: 4300,
      ppid: 4242,
      uid: 0,
      gid: 0,
      comm: "sh",
      exe: "/bin/sh",
      start: "5",
      ns_pid: 7,
      parent: { comm: "app", exe: "/app" },
    },
    container: { id: "c1", runtime: null, name: null, image: null, pod: null },
    namespaces: refs(OWN_NS),
    ...more,
  };
}

export function context(after: ContainerView | null = null, parentNs: NsInums | null = OWN_NS): ActContext {
  return { hostNs: HOST_NS, parentNs, after: () => after };
}

/** An engine that has looked at the container before. */
export function engine(before: readonly Mount[] = runcMounts()): Exposures {
  const exposures = new Exposures({ rules: DETECTORS, hostProcDev: HOST_PROC_DEV });
  exposures.posture(container(before));
  return exposures;
}

/** Severity, rule and count of each. */
export function brief(changes: ReturnType<Exposures["act"]>): string[] {
  return changes.map(({ rule, severity, count }) => `${severity} ${rule} ${count}`);
}

/** setns(2) by an nsfs descriptor into the host's namespace of that type. */
export function entering(type: NsType, more: Partial<SyscallEvent> = {}): SyscallEvent {
  const inum = HOST_NS[LINK_INDEX[type]]!;
  return call("setns", { target: { via: "nsfs", type, inum, id: null }, ...more });
}

/** What a call changed: each type from its namespace in {@link OWN_NS} to `to`. */
export function changes(to: Partial<Record<NsType, number>>): NonNullable<SyscallEvent["changed"]> {
  const ref = (inum: number): NamespaceRef => ({ inum, id: null });
  return Object.fromEntries(
    (Object.entries(to) as [NsType, number][]).map(([type, inum]) => [
      type === "pid" ? "pid_for_children" : type,
      { from: ref(OWN_NS[LINK_INDEX[type]]!), to: ref(inum) },
    ]),
  );
}

/** The pid of {@link call}'s process as a runtime that the host started. */
export const FROM_HOST: ActContext = { ...context(), origin: "host" };

/** A detached procfs that a task of container c1 made, as it is told at `state`. */
export function story(more: Partial<StoryEvent> = {}): StoryEvent {
  const { process, container } = call("fsopen");
  const began = "2026-11-23T00:00:00.000000000Z";
  return {
    ...{ schema: 1, seq: 18, node: "n", type: "story", id: "s-1", kind: "mount", state: "open" },
    ...{ time: began, began, ended: null, fs_type: "proc", process, container },
    steps: [step("fsopen", 3), step("fsconfig", 0), step("fsmount", 4)],
    mount: {
      ...{ id: "9", old_id: 9, parent: null, dev: "0:77", fs_type: "proc" },
      ...{ mountpoint: null, root: "/", options: [], mnt_ns: null },
    },
    ...more,
  };
}

export function step(syscall: string, ret: number, args: StoryStep["args"] = {}): StoryStep {
  return { time: "", syscall, args, ret, actor: { pid: 4300, tid: 4300, comm: "sh" } };
}
