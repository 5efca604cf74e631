import { close, type SysResult } from "../kernel/libc.js";
import { nsType } from "../kernel/nsfs.js";
import { countHoldings, type HoldingCounts, type Holdings } from "./holdings.js";
import type { NamespaceNode } from "./namespace.js";
import type { NamespaceNodes } from "./nodes.js";
import type { NamespaceResolver, ToldFacts } from "./resolve.js";

const NONE: HoldingCounts = { fds: 0, sockets: 0, binds: 0, procfs: 0 };

/** Keeps those nodes that something other than a task was found to hold. */
export class Holders {
  readonly #nodes: NamespaceNodes;
  readonly #resolver: NamespaceResolver;
  readonly #openById: (id: bigint) => SysResult;
  #kept = new Set<NamespaceNode>();

  /** `openById` gives a descriptor of the namespace with a unique id. */
  constructor(nodes: NamespaceNodes, resolver: NamespaceResolver, openById: (id: bigint) => SysResult) {
    this.#nodes = nodes;
    this.#resolver = resolver;
    this.#openById = openById;
  }

  /** The nodes that are kept so. */
  get kept(): Iterable<NamespaceNode> {
    return this.#kept;
  }

  /** The node is not the namespace that was found. */
  drop(node: NamespaceNode): void {
    this.#kept.delete(node);
  }

  /** Keeps what was found and lets go of what was not found again. `told`: what the namespaces that were found are. */
  look(holdings: Holdings, told: ToldFacts): void {
    const counts = this.#count(holdings, told);
    const listed = holdings.listed ? this.#listed(holdings.listed) : null;
    const kept = new Set<NamespaceNode>();
    for (const node of new Set([...counts.keys(), ...this.#kept, ...(listed ?? [])])) {
      const isHeld = enter(node, holdings, counts.get(node) ?? NONE);
      if (listed !== null) node.listed = listed.has(node) && !isHeld && node.members + node.awaiting === 0;
      if (isHeld || node.listed) {
        kept.add(node);
        if (!this.#kept.has(node)) this.#nodes.keep(node);
      } else if (this.#kept.has(node)) {
        this.#nodes.release(node);
      }
    }
    this.#kept = kept;
  }

  #count(holdings: Holdings, told: ToldFacts): Map<NamespaceNode, HoldingCounts> {
    const byNode = new Map<NamespaceNode, HoldingCounts>();
    countHoldings(holdings, (type, inum) => {
      const known = this.#nodes.node(type, inum);
      const facts = known.resolved && known.live ? undefined : told.get(type, inum);
      const node = facts === undefined ? known : this.#resolver.ofFacts(facts, told, true);
      let counts = byNode.get(node);
      if (counts === undefined) {
        counts = { ...NONE };
        byNode.set(node, counts);
      }
      return counts;
    });
    return byNode;
  }

  /** Those that the kernel lists and that nothing else was known to keep. */
  #listed(ids: readonly bigint[]): Set<NamespaceNode> {
    const byId = new Map<string, NamespaceNode>();
    for (const node of this.#nodes.all()) if (node.id !== null) byId.set(node.id, node);
    const found = new Set<NamespaceNode>();
    for (const id of ids) {
      const known = byId.get(String(id));
      const node = known?.live === true ? known : this.#ask(id);
      if (node !== null && (node.listed || !node.live)) found.add(node);
    }
    return found;
  }

  #ask(id: bigint): NamespaceNode | null {
    const fd = this.#openById(id);
    if (!fd.ok) return null;
    try {
      const type = nsType(fd.value);
      return type.ok && type.value !== null ? this.#resolver.ofDescriptor(fd.value, type.value) : null;
    } finally {
      close(fd.value);
    }
  }
}

/** Enters into the node what was found of it. Returns whether anything but tasks holds it. */
function enter(node: NamespaceNode, { files, mounts, superblocks }: Holdings, found: HoldingCounts): boolean {
  if (files !== null) {
    node.fds = found.fds;
    node.sockets = found.sockets;
  }
  if (mounts !== null) node.binds = found.binds;
  if (superblocks !== null) node.procfs = found.procfs;
  return node.fds + node.sockets + node.binds + node.procfs > 0;
}
