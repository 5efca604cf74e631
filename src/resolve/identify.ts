import { EVENT, type Wire } from "../capture/wire.js";
import { NS_TYPES } from "../kernel/links.js";
import type { NamespaceGraph } from "../namespaces/graph.js";

/**
 * Tells the graph the unique ids of the namespaces of the record's task, before it enters them: who made them may
 * have ended by now, and an inode number may have been given to a new namespace. Linux before 6.18 sends none.
 */
export function identifyNamespaces(graph: NamespaceGraph, wire: Wire, record: number): void {
  const inums = wire.inums(record + EVENT.ns);
  for (const [index, type] of NS_TYPES.entries()) {
    const id = wire.namespaceId(record, index);
    if (id !== 0n && inums[index] !== 0) graph.identify(type, inums[index]!, String(id));
  }
}
