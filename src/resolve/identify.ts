import { type Field, FieldId, type Wire } from "../capture/wire.js";
import { NS_LINKS, type NsInums, typeOfLink } from "../kernel/links.js";
import type { NamespaceGraph } from "../namespaces/graph.js";

/**
 * Tells the graph the unique ids of the namespaces `inums`, before a task enters them: who made them may have ended
 * by now, and an inode number may have been given to a new namespace. Linux before 6.18 has them for mount namespaces
 * alone, and shows them from 6.11 on: `mounts` says whether it does.
 */
export function identifyNamespaces(
  graph: NamespaceGraph,
  wire: Wire,
  fields: readonly Field[],
  inums: NsInums,
  mounts: boolean,
): void {
  const ids = fields.find(({ id }) => id === FieldId.nsIds);
  if (ids === undefined) return;
  for (const [index, link] of NS_LINKS.entries()) {
    const type = typeOfLink(link);
    const id = wire.u64(ids.at + index * 8);
    if (type === "mnt" && !mounts) continue;
    if (id !== 0n && inums[index] !== 0) graph.identify(type, inums[index]!, String(id));
  }
}
