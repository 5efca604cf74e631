import type { Direction, NamespaceRef, SyscallEvent } from "../event.js";
import { NS_LINKS, type NsInums, type NsLink, type NsType, typeOfLink } from "../kernel/links.js";
import type { NamespaceGraph } from "../namespaces/graph.js";

export type Changed = NonNullable<SyscallEvent["changed"]>;

/** What a call that failed changed, and one that led to where its caller was already. */
export const NOTHING: Changed = Object.freeze({});

/** The links in which two descriptions of a task differ; {@link NOTHING} where there are none. */
export function changedLinks(graph: NamespaceGraph, from: NsInums, to: NsInums): Changed {
  let changed: { [link in NsLink]?: { from: NamespaceRef | null; to: NamespaceRef } } | undefined;
  for (let index = 0; index < NS_LINKS.length; index++) {
    const [before, after] = [from[index]!, to[index]!];
    if (before === after || after === 0) continue;
    const link = NS_LINKS[index]!;
    const type = typeOfLink(link);
    changed ??= {};
    changed[link] = { from: before === 0 ? null : graph.ref(type, before), to: graph.ref(type, after) };
  }
  return changed ?? NOTHING;
}

/** Pid and user namespaces lie in trees and tell most about where a task went; then those that a container has. */
const TELLING: readonly NsType[] = ["pid", "user", "mnt", "net", "ipc", "uts", "cgroup", "time"];

/** The link that tells of each type: where both changed, that of the task itself. */
const LINKS: Readonly<Partial<Record<NsType, readonly NsLink[]>>> = {
  pid: ["pid", "pid_for_children"],
  time: ["time", "time_for_children"],
};

/**
 * Where a crossing led. Into a namespace of the host from one that is not, or out of the host's, decides
 * whatever else changed; otherwise the relation of the most telling type does. Null, what changed is not known, leads
 * nobody knows where. `made`: the call did not join namespaces, but made them, and pid and user namespaces are made
 * below those of whoever makes them (pid_namespaces(7), user_namespaces(7)).
 */
export function directionOf(graph: NamespaceGraph, changed: Changed | null, made = false): Direction {
  if (changed === null) return "unknown";
  if (changed === NOTHING) return "same";
  let out = false;
  for (const link of NS_LINKS) {
    const step = changed[link];
    if (step === undefined || step.from === null) continue;
    const type = typeOfLink(link);
    const [fromHost, toHost] = [graph.isHost(type, step.from.inum), graph.isHost(type, step.to.inum)];
    if (toHost && !fromHost) return "container-to-host";
    out ||= fromHost && !toHost;
  }
  if (out) return "host-to-container";
  for (const type of TELLING) {
    for (const link of LINKS[type] ?? [type as NsLink]) {
      const step = changed[link];
      if (step === undefined) continue;
      if (made && (type === "pid" || type === "user")) return "to-descendant";
      return graph.relation(type, step.from?.inum ?? 0, step.to.inum);
    }
  }
  return "same";
}
