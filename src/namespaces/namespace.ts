import type { NamespaceRef } from "../event.js";
import type { NsType } from "../kernel/links.js";

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
  /** How many observed tasks are in it. */
  readonly members: number;
  /** How many observed tasks are outside of it, but their next child will be born into it. */
  readonly awaiting: number;
  /** Whether a task, or a living namespace of which it is parent or owner, holds it. */
  readonly live: boolean;
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
  members = 0;
  awaiting = 0;
  /** Members, awaiting tasks, and living namespaces that name this one as parent or owner. */
  holders = 0;
  #ref: NamespaceRef | null = null;

  constructor(type: NsType, inum: number, firstSeen: number) {
    this.type = type;
    this.inum = inum;
    this.firstSeen = firstSeen;
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
