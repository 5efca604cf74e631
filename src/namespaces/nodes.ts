import { NS_TYPES, type NsType } from "../kernel/links.js";
import { NamespaceNode } from "./namespace.js";
import type { NodeStore } from "./resolve.js";

/** One thing for each namespace. */
export class ByNamespace<T> {
  readonly #maps = Object.fromEntries(NS_TYPES.map((type) => [type, new Map()])) as {
    readonly [type in NsType]: Map<number, T>;
  };

  get(type: NsType, inum: number): T | undefined {
    return this.#maps[type].get(keyOf(inum));
  }

  set(type: NsType, inum: number, value: T): void {
    this.#maps[type].set(keyOf(inum), value);
  }

  delete(type: NsType, inum: number): void {
    this.#maps[type].delete(keyOf(inum));
  }

  clear(): void {
    for (const type of NS_TYPES) this.#maps[type].clear();
  }

  ofType(type: NsType): Iterable<T> {
    return this.#maps[type].values();
  }
}

/** Inode numbers of namespaces lie above 2^31, for which V8 allocates numbers; as signed ones they are small. */
function keyOf(inum: number): number {
  return inum | 0;
}

/** The nodes of the graph and their lives: a node lives while it is kept, is remembered after, and forgotten in time. */
export class NamespaceNodes implements NodeStore {
  readonly #now: () => number;
  readonly #maxEnded: number;
  readonly #byInum = new ByNamespace<NamespaceNode>();
  /** In the order in which they ended. */
  readonly #ended = new Set<NamespaceNode>();
  #evicted = 0;
  /** How many inventories were begun: what has been learned since the last one is newer than what that will say. */
  readings = 0;
  /** What is found now not to be kept any more was last known to be then, in milliseconds since 1970; null: now. */
  since: number | null = null;

  constructor(now: () => number, maxEnded: number) {
    this.#now = now;
    this.#maxEnded = maxEnded;
  }

  /** Nodes that are remembered although nothing keeps them. */
  get ended(): number {
    return this.#ended.size;
  }

  /** Nodes that were forgotten because too many had ended. */
  get evicted(): number {
    return this.#evicted;
  }

  *all(): Generator<NamespaceNode> {
    for (const type of NS_TYPES) yield* this.#byInum.ofType(type);
  }

  ofType(type: NsType): Iterable<NamespaceNode> {
    return this.#byInum.ofType(type);
  }

  get(type: NsType, inum: number): NamespaceNode | undefined {
    return this.#byInum.get(type, inum);
  }

  node(type: NsType, inum: number): NamespaceNode {
    const known = this.#byInum.get(type, inum);
    if (known !== undefined) return known;
    const node = new NamespaceNode(type, inum, this.#now());
    node.reading = this.readings;
    this.#byInum.set(type, inum, node);
    return node;
  }

  /** The same, for a namespace that nothing may come to hold: it is forgotten in time. */
  remembered(type: NsType, inum: number): NamespaceNode {
    const node = this.node(type, inum);
    if (!node.live) this.#ended.add(node);
    return node;
  }

  replace(node: NamespaceNode): NamespaceNode {
    this.#ended.delete(node);
    this.#byInum.delete(node.type, node.inum);
    return this.remembered(node.type, node.inum);
  }

  relate(node: NamespaceNode, owner: NamespaceNode | null, parent: NamespaceNode | null): void {
    node.owner = owner;
    node.parent = parent;
    // A node that tasks held before it could be resolved now holds its owner and parent as well.
    if (node.live) this.#keepRelatives(node);
  }

  /** One more holder. */
  keep(node: NamespaceNode): void {
    if (node.holders++ > 0) return;
    this.#ended.delete(node);
    node.death = null;
    node.lastSeen = this.#now();
    this.#keepRelatives(node);
  }

  /** One holder less. */
  release(node: NamespaceNode): void {
    const now = this.#now();
    node.lastSeen = Math.max(node.lastSeen, this.since ?? now);
    if (--node.holders > 0) return;
    this.#ended.add(node);
    node.death = { after: node.lastSeen, before: Math.max(node.lastSeen, now) };
    if (node.owner !== null) this.release(node.owner);
    if (node.parent !== null && node.parent !== node.owner) this.release(node.parent);
  }

  /** Forgets those that ended first, as long as there are too many. */
  evict(): void {
    for (const node of this.#ended) {
      if (this.#ended.size <= this.#maxEnded) return;
      this.#ended.delete(node);
      this.#byInum.delete(node.type, node.inum);
      this.#evicted++;
    }
  }

  #keepRelatives(node: NamespaceNode): void {
    if (node.owner !== null) this.keep(node.owner);
    if (node.parent !== null && node.parent !== node.owner) this.keep(node.parent);
  }
}
