import type { Namespaces, SyscallEvent } from "../event.js";
import { CLONE_NEW } from "../kernel/flags.js";
import { NS_LINKS, NS_TYPES, type NsInums, type NsType, typeOfLink } from "../kernel/links.js";
import type { NamespaceGraph } from "./graph.js";

/** CLONE_NEWNET makes a namespace of type `net`. */
const TYPE_OF_FLAG: ReadonlyMap<string, NsType> = new Map(
  CLONE_NEW.map(([flag]) => {
    const type = flag === "CLONE_NEWNS" ? "mnt" : flag.slice("CLONE_NEW".length).toLowerCase();
    return [flag, NS_TYPES.find((known) => known === type)!] as const;
  }),
);

/** Tells the graph which namespaces a call has made: `ns` are those of its caller afterwards. */
export function tellBirths(graph: NamespaceGraph, event: SyscallEvent, ns: NsInums): void {
  const { syscall, ret, args, outcome, process, time } = event;
  if (ret === null || ret < 0) return;
  const birth = () => ({ call: syscall, pid: process.pid, time: Date.parse(time) });
  if (syscall === "unshare") {
    const types = typesOf(args.flags);
    if (types.length > 0) graph.born(types, ns, birth());
  } else if ((syscall === "clone" || syscall === "clone3") && outcome?.child !== undefined) {
    const types = typesOf(outcome.child.flags);
    if (types.length > 0) graph.born(types, inumsOf(outcome.child.namespaces), birth());
  }
}

function typesOf(flags: unknown): NsType[] {
  if (!Array.isArray(flags)) return [];
  return flags.map((flag) => TYPE_OF_FLAG.get(flag)).filter((type) => type !== undefined);
}

/** As if of a task whose children are born where it is itself. */
function inumsOf(namespaces: Namespaces): NsInums {
  return NS_LINKS.map((link) => namespaces[typeOfLink(link)]?.inum ?? 0);
}
