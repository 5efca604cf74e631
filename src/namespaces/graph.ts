import type { Direction, NamespaceRef, Namespaces } from "../event.js";
import type { HostPath } from "../kernel/host-path.js";
import {
  LINK_INDEX,
  NS_LINKS,
  NS_TYPES,
  type NsInums,
  type NsLink,
  type NsType,
  typeOfLink,
} from "../kernel/links.js";
import { type Anchors, readAnchors } from "./anchors.js";
import { type Namespace, NamespaceNode } from "./namespace.js";
import { NamespaceResolver, type NodeStore } from "./resolve.js";
import type { Task } from "./task.js";

export interface NamespaceGraphOptions {
  readonly host: HostPath;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
  /** How many namespaces without a holder are remembered, so that late events can still name them. */
  readonly maxEnded?: number;
}

/** What {@link NamespaceGraph.stats} gives. */
export interface NamespaceGraphStats {
  /** Held namespaces by type. */
  readonly live: { readonly [type in NsType]: number };
  readonly members: number;
  /** Held namespaces that the kernel could not be asked about yet. */
  readonly unresolved: number;
  /** Remembered namespaces without a holder. */
  readonly ended: number;
  /** Ended namespaces forgotten because there were more than `maxEnded`. */
  readonly evicted: number;
}

/** Index of the link that is counted only where it differs from the namespace the task is in itself. */
const FOR_CHILDREN: readonly { readonly link: number; readonly own: number; readonly type: NsType }[] = (
  ["pid_for_children", "time_for_children"] as const
).map((link: NsLink) => ({
  link: LINK_INDEX[link],
  own: LINK_INDEX[typeOfLink(link)],
  type: typeOfLink(link),
}));

/**
 * All namespaces that observed tasks are in, with their parents and owners. A namespace is asked about once,
 * when its first member is observed; from then on an observation is a few map look-ups. Nothing is held open.
 * The number of members is bounded by the kernel's own bound on threads, as long as ended ones are forgotten.
 */
export class NamespaceGraph {
  readonly #now: () => number;
  readonly #maxEnded: number;
  readonly #anchors: Anchors;
  readonly #resolver: NamespaceResolver;
  readonly #nodes: { readonly [type in NsType]: Map<number, NamespaceNode> };
  readonly #members = new Map<number, NsInums>();
  /** In the order in which they ended. */
  readonly #ended = new Set<NamespaceNode>();
  #evicted = 0;
  #generation = 0;

  constructor(options: NamespaceGraphOptions) {
    this.#now = options.now ?? Date.now;
    this.#maxEnded = options.maxEnded ?? 4096;
    this.#anchors = readAnchors(options.host);
    this.#nodes = Object.fromEntries(NS_TYPES.map((type) => [type, new Map()])) as {
      [type in NsType]: Map<number, NamespaceNode>;
    };
    const store: NodeStore = {
      node: (type, inum) => this.#node(type, inum),
      replace: (node) => this.#replace(node),
      relate: (node, owner, parent) => this.#relate(node, owner, parent),
    };
    this.#resolver = new NamespaceResolver(options.host, store, (type, inum) => this.isInit(type, inum));
  }

  /** Goes up whenever a {@link ref} may be another object than it was. */
  get generation(): number {
    return this.#generation;
  }

  /** The namespaces that others are judged against. */
  get anchors(): Anchors {
    return this.#anchors;
  }

  /** A task is where `task.ns` says: a new one, or one already known that may have moved. */
  observe(task: Task): void {
    this.move(task.tid, task.ns);
  }

  /** Thread `tid` is now in `inums`, its ten namespaces in the order of NS_LINKS. */
  move(tid: number, inums: NsInums): void {
    const before = this.#members.get(tid);
    if (before !== undefined && sameInums(before, inums)) return;
    this.#members.set(tid, inums);
    // Enter before leaving, so that a namespace the task stays in does not end in between.
    this.#enter(tid, inums);
    if (before !== undefined) this.#leave(before);
  }

  /**
   * The unique id of a namespace, decimal, told by the kernel with an event: whoever is in it may have ended before
   * an ioctl can ask. Another id than the one known means another namespace: the one that had the number has ended,
   * whatever is still believed to be in it.
   */
  identify(type: NsType, inum: number, id: string): void {
    let node = this.#node(type, inum);
    if (node.id === id) return;
    if (node.id !== null) node = this.#supersede(node);
    node.id = id;
    this.#generation++;
  }

  /** Thread `tid` ended. */
  forget(tid: number): void {
    const inums = this.#members.get(tid);
    if (inums === undefined) return;
    this.#members.delete(tid);
    this.#leave(inums);
  }

  /** The threads that were observed and not forgotten. */
  tids(): Iterable<number> {
    return this.#members.keys();
  }

  get(type: NsType, inum: number): Namespace | undefined {
    return this.#nodes[type].get(inum);
  }

  /** How events name a namespace, known to the graph or not. */
  ref(type: NsType, inum: number): NamespaceRef {
    return this.#nodes[type].get(inum)?.ref ?? { inum, id: null };
  }

  /** How events name the eight namespaces of a task; those that are not known (0) are left out. */
  refs(inums: NsInums): Namespaces {
    const refs: { [type in NsType]?: NamespaceRef } = {};
    for (let index = 0; index < NS_TYPES.length; index++) {
      const inum = inums[index]!;
      if (inum !== 0) refs[NS_TYPES[index]!] = this.ref(NS_TYPES[index]!, inum);
    }
    return refs;
  }

  /** Whether it is the namespace of the host root the agent was pointed at. */
  isHost(type: NsType, inum: number): boolean {
    return inum !== 0 && this.#anchors.host[LINK_INDEX[type]] === inum;
  }

  /** Whether it is the kernel's own initial namespace. */
  isInit(type: NsType, inum: number): boolean {
    return inum !== 0 && this.#anchors.init[LINK_INDEX[type]] === inum;
  }

  /**
   * Where `to` lies seen from `from`. Pid and user namespaces have ancestors and descendants; of the other
   * types only the host's is told from the rest.
   */
  relation(type: NsType, from: number, to: number): Direction {
    if (from === 0 || to === 0) return "unknown";
    if (from === to) return "same";
    if (type !== "pid" && type !== "user") {
      if (this.isHost(type, from)) return "host-to-container";
      return this.isHost(type, to) ? "container-to-host" : "to-sibling";
    }
    const toAncestors = this.#ancestors(type, to);
    if (toAncestors.inums.includes(from)) return "to-descendant";
    const fromAncestors = this.#ancestors(type, from);
    if (fromAncestors.inums.includes(to)) return "to-ancestor";
    return toAncestors.complete && fromAncestors.complete ? "to-sibling" : "unknown";
  }

  /** Whether pid or user namespace `inum` is `ancestor` or below it; null where that is not known. */
  descends(type: "pid" | "user", inum: number, ancestor: number): boolean | null {
    const relation = this.relation(type, ancestor, inum);
    return relation === "unknown" ? null : relation === "same" || relation === "to-descendant";
  }

  /** Every namespace, held or remembered. */
  *all(): Generator<Namespace> {
    for (const type of NS_TYPES) yield* this.#nodes[type].values();
  }

  stats(): NamespaceGraphStats {
    const live = Object.fromEntries(NS_TYPES.map((type) => [type, 0])) as { [type in NsType]: number };
    let unresolved = 0;
    for (const namespace of this.all()) {
      if (!namespace.live) continue;
      live[namespace.type]++;
      if (!namespace.resolved) unresolved++;
    }
    return { live, members: this.#members.size, unresolved, ended: this.#ended.size, evicted: this.#evicted };
  }

  #enter(tid: number, inums: NsInums): void {
    for (let index = 0; index < NS_TYPES.length; index++) {
      const inum = inums[index]!;
      if (inum === 0) continue;
      const node = this.#resolved(tid, index, NS_TYPES[index]!, inum);
      node.members++;
      this.#hold(node);
    }
    for (const { link, own, type } of FOR_CHILDREN) {
      const inum = inums[link]!;
      if (inum === 0 || inum === inums[own]) continue;
      const node = this.#resolved(tid, link, type, inum);
      node.awaiting++;
      this.#hold(node);
    }
  }

  #leave(inums: NsInums): void {
    for (let index = 0; index < NS_TYPES.length; index++) {
      const node = this.#nodes[NS_TYPES[index]!].get(inums[index]!);
      if (node === undefined) continue;
      node.members--;
      this.#release(node);
    }
    for (const { link, own, type } of FOR_CHILDREN) {
      if (inums[link] === inums[own]) continue;
      const node = this.#nodes[type].get(inums[link]!);
      if (node === undefined) continue;
      node.awaiting--;
      this.#release(node);
    }
    this.#evict();
  }

  /** The node of a namespace that `tid` is in, asked about if it is new, unresolved or had ended. */
  #resolved(tid: number, link: number, type: NsType, inum: number): NamespaceNode {
    const node = this.#nodes[type].get(inum);
    if (node?.resolved === true && node.live) return node;
    this.#generation++;
    return this.#resolver.ofTask(tid, NS_LINKS[link]!, type, inum);
  }

  #node(type: NsType, inum: number): NamespaceNode {
    const known = this.#nodes[type].get(inum);
    if (known !== undefined) return known;
    const node = new NamespaceNode(type, inum, this.#now());
    this.#nodes[type].set(inum, node);
    // Until somebody holds it, so that a chain that breaks off half way is forgotten in time.
    this.#ended.add(node);
    return node;
  }

  /** Another namespace has been given the inode number of `node`, which had ended. */
  #replace(node: NamespaceNode): NamespaceNode {
    this.#ended.delete(node);
    this.#nodes[node.type].delete(node.inum);
    return this.#node(node.type, node.inum);
  }

  /** A namespace has ended although tasks are thought to be in it: they are where nobody knows, until seen again. */
  #supersede(node: NamespaceNode): NamespaceNode {
    if (node.live) {
      for (const [tid, inums] of this.#members) {
        const kept = inums.map((inum, link) =>
          inum === node.inum && typeOfLink(NS_LINKS[link]!) === node.type ? 0 : inum,
        );
        if (!sameInums(kept, inums)) this.#members.set(tid, kept);
      }
      node.members = 0;
      node.awaiting = 0;
      node.holders = 1;
      this.#release(node);
    }
    return this.#replace(node);
  }

  #relate(node: NamespaceNode, owner: NamespaceNode | null, parent: NamespaceNode | null): void {
    node.owner = owner;
    node.parent = parent;
    // A node that tasks held before it could be resolved now holds its owner and parent as well.
    if (node.live) this.#holdRelatives(node);
  }

  #hold(node: NamespaceNode): void {
    if (node.holders++ > 0) return;
    this.#ended.delete(node);
    this.#holdRelatives(node);
  }

  #holdRelatives(node: NamespaceNode): void {
    if (node.owner !== null) this.#hold(node.owner);
    if (node.parent !== null && node.parent !== node.owner) this.#hold(node.parent);
  }

  #release(node: NamespaceNode): void {
    if (--node.holders > 0) return;
    this.#ended.add(node);
    if (node.owner !== null) this.#release(node.owner);
    if (node.parent !== null && node.parent !== node.owner) this.#release(node.parent);
  }

  #evict(): void {
    for (const node of this.#ended) {
      if (this.#ended.size <= this.#maxEnded) return;
      this.#ended.delete(node);
      this.#nodes[node.type].delete(node.inum);
      this.#evicted++;
    }
  }

  /** The inode numbers from the parent of a namespace up; `complete` when they reach the topmost one. */
  #ancestors(type: NsType, inum: number): { readonly inums: readonly number[]; readonly complete: boolean } {
    const inums: number[] = [];
    let node: Namespace | null = this.#nodes[type].get(inum) ?? null;
    let complete = false;
    while (node !== null) {
      complete = node.level === 0;
      node = node.parent;
      if (node !== null) inums.push(node.inum);
    }
    return { inums, complete };
  }
}

function sameInums(a: NsInums, b: NsInums): boolean {
  if (a === b) return true;
  for (let index = 0; index < NS_LINKS.length; index++) if (a[index] !== b[index]) return false;
  return true;
}
