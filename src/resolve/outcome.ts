import type { Superblock } from "../capture/target.js";
import type { Outcome, PidNsRelation, ProcfsState } from "../event.js";
import { LINK_INDEX, type NsInums } from "../kernel/links.js";
import type { NamespaceGraph } from "../namespaces/graph.js";
import type { Task } from "../namespaces/task.js";
import type { MountFacts } from "./mounts.js";

interface Findings {
  /** What seccomp or a signal made of the call. */
  readonly known: Outcome | undefined;
  /** What it was about; null where that is no outcome of it. */
  readonly superblock: Superblock | null;
  /** The task that it made. */
  readonly child: Task | undefined;
  readonly facts: MountFacts;
}

/**
 * What the kernel's own objects said after a call; undefined where there is nothing. `caller` has the namespaces of
 * whoever called.
 */
export function outcomeOf(graph: NamespaceGraph, caller: NsInums, findings: Findings): Outcome | undefined {
  const { known, superblock, child, facts } = findings;
  const { mount, root } = facts;
  const procfs = superblock === null ? null : procfsState(graph, caller, superblock);
  if (child === undefined && procfs === null && mount === undefined && root === undefined) return known;
  return {
    ...known,
    ...(mount === undefined ? undefined : { mount }),
    ...(root === undefined ? undefined : { root }),
    ...(child === undefined
      ? undefined
      : { child: { pid: child.pid, tid: child.tid, namespaces: graph.refs(child.ns) } }),
    ...(procfs === null ? undefined : { procfs }),
  };
}

/** The state of a procfs superblock; null for one of another filesystem. */
function procfsState(graph: NamespaceGraph, caller: NsInums, superblock: Superblock): ProcfsState | null {
  const { dev, userNs, procfs } = superblock;
  if (procfs === null) return null;
  return {
    dev,
    pid_ns: procfs.pidNs,
    pid_namespace: graph.ref("pid", procfs.pidNs),
    pid_ns_relation: pidNsRelation(graph, caller[LINK_INDEX.pid]!, procfs.pidNs),
    user_ns: userNs,
    hidepid: procfs.hidepid,
    gid: procfs.gid,
    subset: procfs.subset,
  };
}

/** Where pid namespace `inum` lies seen from the active one of a caller; null where that is not known. */
export function pidNsRelation(graph: NamespaceGraph, caller: number, inum: number): PidNsRelation | null {
  switch (graph.relation("pid", caller, inum)) {
    case "same":
      return "same";
    case "to-descendant":
      return "descendant";
    case "to-ancestor":
      return "ancestor";
    case "to-sibling":
      return "foreign";
    default:
      // all others lie below it
      return graph.isInit("pid", inum) ? "ancestor" : null;
  }
}
