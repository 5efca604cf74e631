import type { Superblock } from "../capture/target.js";
import type { Outcome, PidNsRelation, ProcfsState } from "../event.js";
import { CLONE3_FLAGS, flagNames } from "../kernel/flags.js";
import { LINK_INDEX, type NsInums } from "../kernel/links.js";
import type { NamespaceGraph } from "../namespaces/graph.js";
import type { Task } from "../namespaces/task.js";
import type { MountFacts } from "./mounts.js";

/** A task that a clone made, as task_newtask of the kernel tells of it. */
export interface NewTask {
  readonly task: Task;
  /** Flags of clone3(2) that the kernel went by: whoever rewrote the caller's memory meanwhile did not change these. */
  readonly flags: bigint;
}

interface Findings {
  /** What seccomp or a signal made of the call. */
  readonly known: Outcome | undefined;
  /** What it was about; null where that is no outcome of it. */
  readonly superblock: Superblock | null;
  /** The task that it made, and how. */
  readonly child: NewTask | undefined;
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
    ...(child === undefined ? undefined : { child: childOf(graph, child) }),
    ...(procfs === null ? undefined : { procfs }),
  };
}

function childOf(graph: NamespaceGraph, { task, flags }: NewTask): NonNullable<Outcome["child"]> {
  const { pid, tid, ns } = task;
  return { pid, tid, flags: flagNames(flags, CLONE3_FLAGS), namespaces: graph.refs(ns) };
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
