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
  for (let index = 0; index < NS_LINKS.length; index++) {
    const type = typeOfLink(NS_LINKS[index]!);
    const inum = inums[index]!;
    if (inum === 0 || (type === "mnt" && !mounts)) continue;
    const at = ids.at + index * 8;
    const [low, high] = [wire.u32(at), wire.u32(at + 4)];
    if ((low | high) === 0) continue;
    // an id is made of the two words without a BigInt: nearly all are what the graph knows already
    const id = high === 0 ? String(low) : String(wire.u64(at));
    graph.identify(type, inum, id);
  }
}
