/** What the descriptor of a call was, as users see it. */
import type { PidfdTarget, Superblock, Targets } from "../capture/target.js";
import type { Target } from "../event.js";
import { LINK_INDEX, type NsInums } from "../kernel/links.js";
import type { NamespaceGraph } from "../namespaces/graph.js";
import type { Tasks } from "../namespaces/tasks.js";
import type { Containers } from "../workloads/containers.js";

export interface TargetSources {
  readonly tasks: Tasks;
  readonly graph: NamespaceGraph;
  readonly containers: Containers;
}

/** Calls that take no descriptor of a mount: one that is neither of what they take is any file. */
const NO_MOUNT: ReadonlySet<string> = new Set(["setns", "fsconfig", "fsmount"]);

/** The target of the call `syscall`, which succeeded or not; undefined where it had no descriptor that was open. */
export function shownTarget(
  { tasks, graph, containers }: TargetSources,
  syscall: string,
  succeeded: boolean,
  { target, superblock }: Targets,
): Target | undefined {
  if (target === null) return superblock === null ? undefined : fileTarget(syscall, superblock);
  switch (target.via) {
    case "nsfs": {
      const id = target.id === 0n ? null : String(target.id);
      return { via: "nsfs", type: target.type, inum: target.inum, id };
    }
    case "fscontext": {
      // Only a context that is for a mount can be mounted; from then on it is one for reconfiguring (vfs_clean_context()
      // of fs/fs_context.c), and so it was when the record was written.
      const purpose = syscall === "fsmount" && succeeded ? "mount" : target.purpose;
      return { via: "fscontext", fs_type: target.fsType, purpose, user_ns: target.userNs };
    }
    case "pidfd": {
      const task = target.pid === 0 ? undefined : tasks.of(target);
      return {
        ...processOf(graph, target),
        container: task === undefined || isOnHost(graph, target.ns) ? null : containers.of(task),
      };
    }
  }
}

function fileTarget(syscall: string, { magic, dev, fsType }: Superblock): Target {
  if (!NO_MOUNT.has(syscall)) return { via: "mount", fs_type: fsType, dev };
  return { via: "other", magic: `0x${magic.toString(16)}`, fs_type: fsType };
}

function processOf(graph: NamespaceGraph, target: PidfdTarget) {
  const alive = target.pid !== 0;
  return {
    via: "pidfd",
    pid: target.pid,
    tid: target.tid,
    comm: alive ? target.comm : null,
    namespaces: alive ? graph.refs(target.ns) : null,
  } as const;
}

function isOnHost(graph: NamespaceGraph, ns: NsInums): boolean {
  return graph.isHost("pid", ns[LINK_INDEX.pid]!) && graph.isHost("mnt", ns[LINK_INDEX.mnt]!);
}
