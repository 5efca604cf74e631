import type { NamespaceRef } from "../event.js";
import type { NsType } from "../kernel/links.js";

/** How a namespace came about. */
export interface Birth {
  /** The system call that made it. */
  readonly call: string;
  /** The process that made the call. */
  readonly pid: number;
  /** Milliseconds since 1970. */
  readonly time: number;
}

/**
 * When a namespace ended, in milliseconds since 1970: it was there at `after` and was not at `before`. Both are the same
 * where the end of its last task was told by an event.
 */
export interface Death {
  readonly after: number;
  readonly before: number;
}

/** A namespace as the graph knows it. */
export interface Namespace {
  readonly type: NsType;
  readonly inum: number;
  /** The id that is never reused, decimal; null on a kernel without one, or while it is not resolved. */
  readonly id: string | null;
  /** Whether the kernel was asked yet: its members may have ended before it could be. */
  readonly resolved: boolean;
  /** Of pid and user namespaces. Null: none (`level` is 0), not applicable, or unknown. */
  readonly parent: Namespace | null;
  /** The user namespace whose capabilities govern it. Null for the initial user namespace, or unknown. */
  readonly owner: Namespace | null;
  /** Of user namespaces: the uid, as the agent's user namespace shows it, of whoever made it. */
  readonly ownerUid: number | null;
  /** Of pid and user namespaces: how many ancestors it has. */
  readonly level: number | null;
  /** Milliseconds since 1970. With the inode number it is the identity where `id` is null. */
  readonly firstSeen: number;
  /** Milliseconds since 1970: when it was last known to exist. */
  readonly lastSeen: number;
  /** Null where it was there before anybody looked, or was found and not told. */
  readonly birth: Birth | null;
  /** Null while it lives. */
  readonly death: Death | null;
  /** How many tasks are in it: processes, and threads that are elsewhere than the leader of theirs. */
  readonly members: number;
  /** How many observed tasks are outside of it, but their next child will be born into it. */
  readonly awaiting: number;
  /** Open descriptors of files of it, of all processes, when they were looked at last. */
  readonly fds: number;
  /** Open sockets of it (network namespaces), of processes that are not in it, when they were looked at last. */
  readonly sockets: number;
  /** Mounts of its file in any mount namespace, or detached ones, when they were looked at last. */
  readonly binds: number;
  /** Procfs superblocks that show its processes (pid namespaces), when they were looked at last. */
  readonly procfs: number;
  /**
   * Nothing that can be looked at was found to hold it, and yet the kernel listed it (listns(2), Linux 6.19): a
   * descriptor in flight, and the like.
   */
  readonly listed: boolean;
  /** Whether a task, one of the above, or a living namespace of which it is parent or owner, holds it. */
  readonly live: boolean;
  /** Of mount namespaces: a number that changes whenever the mount table does; null where only BPF could tell. */
  readonly mountEvent: bigint | null;
  /**
   * Of mount namespaces: how many mounts it has, without the root that lies below all others; null where only BPF could
   * tell.
   */
  readonly mountCount: number | null;
}

/** The graph's own, mutable side of a {@link Namespace}. */
export class NamespaceNode implements Namespace {
  readonly type: NsType;
  readonly inum: number;
  readonly firstSeen: number;
  id: string | null = null;
  resolved = false;
  parent: NamespaceNode | null = null;
  owner: NamespaceNode | null = null;
  ownerUid: number | null = null;
  level: number | null = null;
  lastSeen: number;
  birth: Birth | null = null;
  death: Death | null = null;
  members = 0;
  awaiting = 0;
  fds = 0;
  sockets = 0;
  binds = 0;
  procfs = 0;
  listed = false;
  mountEvent: bigint | null = null;
  mountCount: number | null = null;
  /** Members, awaiting tasks, living namespaces that name this one as parent or owner; one for all that is not a task. */
  holders = 0;
  /** How many inventories had been begun when its identity was learned. */
  reading = 0;
  #ref: NamespaceRef | null = null;

  constructor(type: NsType, inum: number, firstSeen: number) {
    this.type = type;
    this.inum = inum;
    this.firstSeen = firstSeen;
    this.lastSeen = firstSeen;
  }

  get live(): boolean {
    return this.holders > 0;
  }

  /** One object for all events that name this namespace. */
  get ref(): NamespaceRef {
    if (this.#ref === null || this.#ref.id !== this.id) this.#ref = { inum: this.inum, id: this.id };
    return this.#ref;
  }
}
