import type { Direction, NamespaceRef, Namespaces } from "../event.js";
import type { HostPath } from "../kernel/host-path.js";
import type { SysResult } from "../kernel/libc.js";
import {
  LINK_INDEX,
  NS_LINKS,
  NS_TYPES,
  type NsInums,
  type NsLink,
  type NsType,
  typeOfLink,
} from "../kernel/links.js";
import { openNamespaceById } from "../kernel/listns.js";
import { type Anchors, readAnchors } from "./anchors.js";
import type { NamespaceFacts } from "./facts.js";
import { Holders } from "./holders.js";
import { factsOf, type Holdings } from "./holdings.js";
import { LikeThreads } from "./like-threads.js";
import type { Birth, Namespace, NamespaceNode } from "./namespace.js";
import { ByNamespace, NamespaceNodes } from "./nodes.js";
import { relationOf } from "./relation.js";
import { NamespaceResolver } from "./resolve.js";
import type { Task } from "./task.js";

export interface NamespaceGraphOptions {
  readonly host: HostPath;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
  /** How many namespaces without a holder are remembered, so that late events can still name them. */
  readonly maxEnded?: number;
  /** A descriptor of the namespace with a unique id, as {@link openNamespaceById} gives it. */
  readonly openById?: (id: bigint) => SysResult;
}

/** What {@link NamespaceGraph.stats} gives. */
export interface NamespaceGraphStats {
  /** Held namespaces by type. */
  readonly live: { readonly [type in NsType]: number };
  readonly members: number;
  /** Held namespaces that no task is in, and none will be born into. */
  readonly empty: number;
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
 * All namespaces that observed tasks are in or that something else was found to hold, with their parents and owners. A
 * namespace is asked about once, when it is first observed, unless BPF told what it is; from then on an observation is
 * a few map look-ups. Nothing is held open. The number of members is bounded by the kernel's own bound on threads, as
 * long as ended ones are forgotten.
 */
export class NamespaceGraph {
  readonly #now: () => number;
  readonly #anchors: Anchors;
  readonly #nodes: NamespaceNodes;
  readonly #resolver: NamespaceResolver;
  readonly #members = new Map<number, NsInums>();
  readonly #threads = new LikeThreads();
  readonly #holders: Holders;
  /** What was told of namespaces that are being taken over. */
  readonly #told = new ByNamespace<NamespaceFacts>();
  /** When tasks, and when other holders, were looked at last. */
  #lastInventory: number;
  #lastLook: number;
  #generation = 0;

  constructor(options: NamespaceGraphOptions) {
    this.#now = options.now ?? Date.now;
    this.#anchors = readAnchors(options.host);
    this.#nodes = new NamespaceNodes(this.#now, options.maxEnded ?? 4096);
    this.#resolver = new NamespaceResolver(options.host, this.#nodes, (type, inum) =>
      this.isInit(type, inum),
    );
    this.#holders = new Holders(this.#nodes, this.#resolver, options.openById ?? openNamespaceById);
    this.#lastInventory = this.#now();
    this.#lastLook = this.#lastInventory;
  }

  /** Goes up whenever a {@link ref} may be another object than it was. */
  get generation(): number {
    return this.#generation;
  }

  /** The namespaces that others are judged against. */
  get anchors(): Anchors {
    return this.#anchors;
  }

  /** Before an inventory is read: what is learned of a namespace from now on is newer than that. */
  expectInventory(): void {
    this.#nodes.readings++;
  }

  /**
   * Takes over an inventory that was read: where each task is, which tids have gone, and what was told of the
   * namespaces. What has ended without an event did so at some time since the last inventory.
   */
  takeInventory(tasks: Iterable<Task>, gone: Iterable<number>, facts: readonly NamespaceFacts[]): void {
    this.#lately(this.#lastInventory, facts, () => {
      // those that stay first, so that a namespace they share with one that went does not end in between
      for (const task of tasks) this.observe(task);
      for (const tid of gone) this.forget(tid);
    });
    this.#lastInventory = this.#now();
    for (const node of this.#nodes.all()) if (node.live) node.lastSeen = this.#lastInventory;
  }

  /**
   * Takes over what was found to hold namespaces besides tasks. Those that nothing is found to hold any more have ended
   * at some time since the last look.
   */
  look(holdings: Holdings): void {
    this.#generation++;
    this.#lately(this.#lastLook, factsOf(holdings), () => this.#holders.look(holdings, this.#told));
    this.#lastLook = this.#now();
    for (const node of this.#holders.kept) node.lastSeen = this.#lastLook;
  }

  /** A task is where `task.ns` says: a new one, or one already known that may have moved. */
  observe({ tid, pid, ns }: Task): void {
    const leader = this.#members.get(pid);
    if (tid !== pid && leader !== undefined && sameInums(leader, ns)) {
      // the leader counts for both
      this.#threads.add(tid, pid);
      this.#drop(tid);
      return;
    }
    if (tid !== pid) this.#threads.delete(tid);
    else if (leader !== undefined && !sameInums(leader, ns)) this.#leaveBehind(pid, leader);
    this.move(tid, ns);
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
    let node = this.#nodes.remembered(type, inum);
    if (node.id === id) return;
    if (node.id !== null) node = this.#supersede(node);
    node.id = id;
    node.reading = this.#nodes.readings;
    this.#generation++;
  }

  /** An event told that a system call made those of the namespaces `inums` that are of `types`. */
  born(types: readonly NsType[], inums: NsInums, birth: Birth): void {
    for (const type of types) {
      // unshare(2) makes a pid or time namespace for the children alone
      const link = FOR_CHILDREN.find((entry) => entry.type === type)?.link ?? LINK_INDEX[type];
      if (inums[link]) this.#nodes.remembered(type, inums[link]).birth ??= birth;
    }
  }

  /** Thread `tid` ended. */
  forget(tid: number): void {
    this.#threads.delete(tid);
    const inums = this.#members.get(tid);
    if (inums === undefined) return;
    this.#leaveBehind(tid, inums);
    this.#drop(tid);
  }

  /** The threads that were observed and not forgotten. */
  *tids(): Generator<number> {
    yield* this.#members.keys();
    yield* this.#threads.tids();
  }

  get(type: NsType, inum: number): Namespace | undefined {
    return this.#nodes.get(type, inum);
  }

  /** How events name a namespace, known to the graph or not. */
  ref(type: NsType, inum: number): NamespaceRef {
    return this.#nodes.get(type, inum)?.ref ?? { inum, id: null };
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

  /** Where `to` lies seen from `from`: {@link relationOf}. */
  relation(type: NsType, from: number, to: number): Direction {
    return relationOf(this, type, from, to);
  }

  /** Whether pid or user namespace `inum` is `ancestor` or below it; null where that is not known. */
  descends(type: "pid" | "user", inum: number, ancestor: number): boolean | null {
    const relation = this.relation(type, ancestor, inum);
    return relation === "unknown" ? null : relation === "same" || relation === "to-descendant";
  }

  /** Every namespace, held or remembered. */
  all(): Iterable<Namespace> {
    return this.#nodes.all();
  }

  /** The namespaces of a type that are held. */
  *ofType(type: NsType): Generator<Namespace> {
    for (const node of this.#nodes.ofType(type)) if (node.live) yield node;
  }

  stats(): NamespaceGraphStats {
    const live = Object.fromEntries(NS_TYPES.map((type) => [type, 0])) as { [type in NsType]: number };
    let [empty, unresolved] = [0, 0];
    for (const node of this.#nodes.all()) {
      if (!node.live) continue;
      live[node.type]++;
      if (node.members + node.awaiting === 0) empty++;
      if (!node.resolved) unresolved++;
    }
    const { ended, evicted } = this.#nodes;
    return { live, members: this.#members.size, empty, unresolved, ended, evicted };
  }

  /** The threads of `pid` that were where it is stay there without it. */
  #leaveBehind(pid: number, inums: NsInums): void {
    for (const tid of this.#threads.take(pid)) this.move(tid, inums);
  }

  #drop(tid: number): void {
    const inums = this.#members.get(tid);
    if (inums === undefined) return;
    this.#members.delete(tid);
    this.#leave(inums);
  }

  #enter(tid: number, inums: NsInums): void {
    for (let index = 0; index < NS_TYPES.length; index++) {
      const inum = inums[index]!;
      if (inum === 0) continue;
      const node = this.#resolved(tid, index, NS_TYPES[index]!, inum);
      node.members++;
      this.#nodes.keep(node);
    }
    for (const { link, own, type } of FOR_CHILDREN) {
      const inum = inums[link]!;
      if (inum === 0 || inum === inums[own]) continue;
      const node = this.#resolved(tid, link, type, inum);
      node.awaiting++;
      this.#nodes.keep(node);
    }
  }

  #leave(inums: NsInums): void {
    for (let index = 0; index < NS_TYPES.length; index++) {
      const node = this.#nodes.get(NS_TYPES[index]!, inums[index]!);
      if (node === undefined) continue;
      node.members--;
      this.#nodes.release(node);
    }
    for (const { link, own, type } of FOR_CHILDREN) {
      if (inums[link] === inums[own]) continue;
      const node = this.#nodes.get(type, inums[link]!);
      if (node === undefined) continue;
      node.awaiting--;
      this.#nodes.release(node);
    }
    this.#nodes.evict();
  }

  /** The node of a namespace that `tid` is in, asked about if it is new, unresolved or had ended. */
  #resolved(tid: number, link: number, type: NsType, inum: number): NamespaceNode {
    const node = this.#nodes.get(type, inum);
    if (node?.resolved === true && node.live) return node;
    this.#generation++;
    const facts = this.#told.get(type, inum);
    if (facts !== undefined) return this.#resolver.ofFacts(facts, this.#told);
    return this.#resolver.ofTask(tid, NS_LINKS[link]!, type, inum);
  }

  /** A namespace has ended although it is thought to be held: the tasks in it are where nobody knows, until seen again. */
  #supersede(node: NamespaceNode): NamespaceNode {
    if (node.live) {
      for (const [tid, inums] of this.#members) {
        const kept = inums.map((inum, link) =>
          inum === node.inum && typeOfLink(NS_LINKS[link]!) === node.type ? 0 : inum,
        );
        if (!sameInums(kept, inums)) this.#members.set(tid, kept);
      }
      this.#holders.drop(node);
      node.members = 0;
      node.awaiting = 0;
      node.holders = 1;
      this.#nodes.release(node);
    }
    return this.#nodes.replace(node);
  }

  /** Does `act` with what was told at hand; what ends in it has ended at some time since `since`. */
  #lately(since: number, facts: readonly NamespaceFacts[], act: () => void): void {
    this.#nodes.since = since;
    try {
      const late = facts.filter((told) => this.#learn(told));
      for (const told of late) this.#resolver.ofFacts(told, this.#told);
      act();
    } finally {
      this.#nodes.since = null;
      this.#told.clear();
      this.#nodes.evict();
    }
  }

  /**
   * Keeps at hand what is told of a namespace that is not known so yet. Returns whether it is of one that is held and
   * could not be asked about.
   */
  #learn(facts: NamespaceFacts): boolean {
    const { type, inum, id } = facts;
    const node = this.#nodes.get(type, inum);
    const isOther = node !== undefined && id !== null && node.id !== null && id !== node.id;
    // what was learned while this was read is newer than this
    if (isOther && node.reading === this.#nodes.readings && this.#nodes.readings > 0) return false;
    if (isOther) this.#supersede(node);
    const isKnown = !isOther && node?.live === true;
    if (isKnown) {
      node.mountEvent = facts.mountEvent;
      node.mountCount = facts.mountCount;
      if (node.resolved) return false;
    }
    this.#told.set(type, inum, facts);
    this.#generation++;
    return isKnown;
  }
}

function sameInums(a: NsInums, b: NsInums): boolean {
  if (a === b) return true;
  for (let index = 0; index < NS_LINKS.length; index++) if (a[index] !== b[index]) return false;
  return true;
}
