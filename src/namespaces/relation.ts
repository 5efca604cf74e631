import type { Direction } from "../event.js";
import type { NsType } from "../kernel/links.js";
import type { Namespace } from "./namespace.js";

/** What {@link relationOf} needs of the graph. */
export interface Relatives {
  get(type: NsType, inum: number): Namespace | undefined;
  isHost(type: NsType, inum: number): boolean;
}

/**
 * Where `to` lies seen from `from`. Pid and user namespaces have ancestors and descendants; of the other
 * types only the host's is told from the rest.
 */
export function relationOf(relatives: Relatives, type: NsType, from: number, to: number): Direction {
  if (from === 0 || to === 0) return "unknown";
  if (from === to) return "same";
  if (type !== "pid" && type !== "user") {
    if (relatives.isHost(type, from)) return "host-to-container";
    return relatives.isHost(type, to) ? "container-to-host" : "to-sibling";
  }
  const toAncestors = ancestors(relatives.get(type, to));
  if (toAncestors.inums.includes(from)) return "to-descendant";
  const fromAncestors = ancestors(relatives.get(type, from));
  if (fromAncestors.inums.includes(to)) return "to-ancestor";
  return toAncestors.complete && fromAncestors.complete ? "to-sibling" : "unknown";
}

/** The inode numbers from the parent of a namespace up; `complete` when they reach the topmost one. */
function ancestors(namespace: Namespace | undefined): {
  readonly inums: readonly number[];
  readonly complete: boolean;
} {
  const inums: number[] = [];
  let node = namespace ?? null;
  let complete = false;
  while (node !== null) {
    complete = node.level === 0;
    node = node.parent;
    if (node !== null) inums.push(node.inum);
  }
  return { inums, complete };
}
