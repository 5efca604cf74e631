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

/** Asks the kernel, by the ioctls of nsfs, what a namespace is; and up to the top, what its ancestors are. */
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
