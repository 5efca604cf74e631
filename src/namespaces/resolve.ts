import { fstatSync } from "node:fs";
import type { HostPath } from "../kernel/host-path.js";
import { close, type SysResult } from "../kernel/libc.js";
import type { NsLink, NsType } from "../kernel/links.js";
import {
  mountNamespaceId,
  namespaceId,
  openNamespace,
  openOwner,
  openParent,
  ownerUid,
} from "../kernel/nsfs.js";
import type { NamespaceFacts } from "./facts.js";
import type { NamespaceNode } from "./namespace.js";

/** What the resolver needs of the graph. */
export interface NodeStore {
  /** The node of a namespace, made if there is none. */
  node(type: NsType, inum: number): NamespaceNode;
  /** A new node in place of one whose inode number now belongs to another namespace. */
  replace(node: NamespaceNode): NamespaceNode;
  /** Enters the relations of a node that was just asked about. */
  relate(node: NamespaceNode, owner: NamespaceNode | null, parent: NamespaceNode | null): void;
}

/** What was told of namespaces, to be looked up while it is fresh. */
export interface ToldFacts {
  get(type: NsType, inum: number): NamespaceFacts | undefined;
}

/**
 * What a namespace is and, up to the top, what its ancestors are: as BPF told it, else as the ioctls of nsfs say.
 */
export class NamespaceResolver {
  readonly #host: HostPath;
  readonly #store: NodeStore;
  readonly #isInit: (type: NsType, inum: number) => boolean;

  constructor(host: HostPath, store: NodeStore, isInit: (type: NsType, inum: number) => boolean) {
    this.#host = host;
    this.#store = store;
    this.#isInit = isInit;
  }

  /**
   * The node of namespace `inum`, which `link` of thread `tid` points at. It stays unresolved when the thread
   * is gone, has moved on, or may not be looked into: then the next member gives another chance.
   */
  ofTask(tid: number, link: NsLink, type: NsType, inum: number): NamespaceNode {
    const fd = openNamespace(this.#host.proc(tid, "ns", link));
    if (!fd.ok) return this.#store.node(type, inum);
    try {
      if (fstatSync(fd.value).ino !== inum) return this.#store.node(type, inum);
      return this.#ask(fd.value, type, inum);
    } finally {
      close(fd.value);
    }
  }

  /** The node of the namespace of `type` that a descriptor is open on, which stays open. */
  ofDescriptor(fd: number, type: NsType): NamespaceNode {
    return this.#ask(fd, type, fstatSync(fd).ino);
  }

  /**
   * The node of a namespace that was told, with those above it, which `all` has. `same`: where a kernel has no ids,
   * one that had ended and has the same number is taken to be that.
   */
  ofFacts(facts: NamespaceFacts, all: ToldFacts, same = false): NamespaceNode {
    const { type, inum, id } = facts;
    let node = this.#store.node(type, inum);
    if (node.resolved && node.live) return node;
    // an event told more recently that the number is another namespace's
    if (!node.resolved && node.id !== null && id !== null && node.id !== id) return node;
    if (node.resolved) {
      if (id === null ? same : node.id === id) return node;
      node = this.#store.replace(node);
    }
    const above = (of: NsType, number: number): NamespaceNode | null => {
      if (number === 0) return null;
      const told = all.get(of, number);
      return told === undefined ? this.#store.node(of, number) : this.ofFacts(told, all, same);
    };
    const owner = above("user", facts.owner);
    const parent = type === "user" ? owner : type === "pid" ? above("pid", facts.parent) : null;
    node.id = id ?? node.id;
    node.resolved = true;
    node.ownerUid = facts.ownerUid;
    node.level = facts.level;
    node.mountEvent = facts.mountEvent;
    node.mountCount = facts.mountCount;
    this.#store.relate(node, owner, parent);
    return node;
  }

  #ask(fd: number, type: NsType, inum: number): NamespaceNode {
    let node = this.#store.node(type, inum);
    // While something holds a namespace its inode number cannot be given to another.
    if (node.resolved && node.live) return node;
    const id = uniqueId(fd, type);
    // told by an event, and by now the inode number is another namespace's
    if (!node.resolved && node.id !== null && id !== null && node.id !== id) return node;
    if (node.resolved) {
      if (id !== null && node.id === id) return node;
      node = this.#store.replace(node);
    }

    const owner = this.#relative(openOwner(fd), "user");
    let parent: NamespaceNode | null = null;
    // The owner of a user namespace is its parent (userns_owner() of kernel/user_namespace.c).
    if (type === "user") parent = owner;
    else if (type === "pid") parent = this.#relative(openParent(fd), "pid");

    node.id = id ?? node.id;
    node.resolved = true;
    if (type === "user") node.ownerUid = valueOrNull(ownerUid(fd));
    if (type === "user" || type === "pid") node.level = this.#level(type, inum, parent);
    this.#store.relate(node, owner, parent);
    return node;
  }

  /** The owner or parent that an ioctl opened; null where it is out of sight (EPERM), as above the topmost. */
  #relative(fd: SysResult, type: NsType): NamespaceNode | null {
    if (!fd.ok) return null;
    try {
      return this.#ask(fd.value, type, fstatSync(fd.value).ino);
    } finally {
      close(fd.value);
    }
  }

  #level(type: NsType, inum: number, parent: NamespaceNode | null): number | null {
    if (parent === null) return this.#isInit(type, inum) ? 0 : null;
    return parent.level === null ? null : parent.level + 1;
  }
}

/** Any namespace has an id since Linux 6.18, a mount namespace since 6.11; null before. */
function uniqueId(fd: number, type: NsType): string | null {
  const id = namespaceId(fd);
  if (id.ok) return String(id.value);
  if (type !== "mnt") return null;
  const mountId = mountNamespaceId(fd);
  return mountId.ok ? String(mountId.value) : null;
}

function valueOrNull(result: SysResult): number | null {
  return result.ok ? result.value : null;
}
