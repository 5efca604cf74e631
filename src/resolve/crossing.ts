import type { Direction, NamespaceRef, SyscallEvent } from "../event.js";
import { NS_LINKS, type NsInums, type NsType, typeOfLink } from "../kernel/links.js";
import type { NamespaceGraph } from "../namespaces/graph.js";

export type Changed = NonNullable<SyscallEvent["changed"]>;

/** The links in which two descriptions of a task differ; undefined when there are none. */
export function changedLinks(graph: NamespaceGraph, from: NsInums, to: NsInums): Changed | undefined {
  let changed: { [link: string]: { from: NamespaceRef | null; to: NamespaceRef } } | undefined;
  for (let index = 0; index < NS_LINKS.length; index++) {
    const [before, after] = [from[index]!, to[index]!];
    if (before === after || after === 0) continue;
    const link = NS_LINKS[index]!;
    const type = typeOfLink(link);
    changed ??= {};
    changed[link] = { from: before === 0 ? null : graph.ref(type, before), to: graph.ref(type, after) };
  }
  return changed;
}

/** What tells most about where a task went comes first. */
const TELLING: readonly NsType[] = ["mnt", "pid", "user", "net", "ipc", "uts", "cgroup", "time"];

/**
 * Where a crossing led. Into a namespace of the host from one that is not, or out of the host's, decides
 * whatever else changed; otherwise the relation of the most telling type does.
 */
export function directionOf(graph: NamespaceGraph, changed: Changed | undefined): Direction {
  if (changed === undefined) return "same";
  const steps = Object.entries(changed).map(([link, { from, to }]) => {
    const type = typeOfLink(link as keyof Changed);
    return { type, from: from?.inum ?? 0, to: to.inum };
  });
  if (steps.some(({ type, from, to }) => from !== 0 && !graph.isHost(type, from) && graph.isHost(type, to)))
    return "container-to-host";
  if (steps.some(({ type, from, to }) => graph.isHost(type, from) && !graph.isHost(type, to)))
    return "host-to-container";
  for (const type of TELLING) {
    const step = steps.find((candidate) => candidate.type === type);
    if (step !== undefined) return graph.relation(type, step.from, step.to);
  }
  return "unknown";
}
