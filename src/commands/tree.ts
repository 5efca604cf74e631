import { setFlagsFromString } from "node:v8";
import { KeyholeError } from "../errors.js";
import { HostPath } from "../kernel/host-path.js";
import { LINK_INDEX } from "../kernel/links.js";
import { inInitialPidNs } from "../kernel/privileges.js";
import { arrange, type ForestNode, type ForestOrder, type Held, occupy } from "../namespaces/forest.js";
import { NamespaceGraph } from "../namespaces/graph.js";
import { takeSnapshot } from "../namespaces/snapshot.js";
import type { Task } from "../namespaces/task.js";
import {
  columnsOf,
  parseColumns,
  TREE_COLUMNS,
  type TreeColumn,
  type TreeFacts,
  type TreeKey,
} from "./tree-columns.js";
import { type TreeNode, treeFacts } from "./tree-facts.js";
import type { TreeFilter } from "./tree-filter.js";
import { printTree } from "./tree-output.js";
import { select, type TreeSelection } from "./tree-selection.js";

export type { TreeRow } from "./tree-columns.js";

export type TreeOutput = "table" | "json" | "dot" | "mermaid";

export interface TreeOptions extends TreeSelection {
  /** `owner` when it is not given. */
  readonly by?: ForestOrder;
  readonly output?: TreeOutput;
  /** Names of columns, see {@link parseColumns}. */
  readonly columns?: string;
  /** A condition in CEL over the columns. */
  readonly filter?: string;
  /** One below the other, in the order of the inode numbers. */
  readonly list?: boolean;
  /** Seconds between looks; one look when it is not given. */
  readonly watch?: number;
  readonly hostRoot?: string;
  readonly noHeader?: boolean;
  readonly color?: boolean;
  /** Where the tasks come from, with nothing else known of the node; the kernel when it is not given. */
  readonly tasks?: () => Task[];
  /** Where the text goes; stdout when it is not given. */
  readonly write?: (text: string) => void;
  /** Where it goes what could not be read; stderr when it is not given. */
  readonly writeError?: (text: string) => void;
  /** Ends a watch. */
  readonly signal?: AbortSignal;
}

/** A namespace and the lines of the tree before its inode number. */
export interface PlacedNode {
  readonly node: ForestNode;
  readonly branch: string;
}

/** What one look found, from the top down. */
export interface TreeLook {
  readonly roots: readonly ForestNode[];
  readonly placed: readonly PlacedNode[];
  readonly facts: TreeFacts;
  readonly incomplete: readonly string[];
}

/** What is asked for, checked. */
export interface TreeView {
  readonly columns: readonly TreeColumn[];
  look(firstSeenOf?: (one: Held) => number | null): TreeLook;
}

const TABLE_KEYS: readonly TreeKey[] = [
  "ns",
  "type",
  "nprocs",
  "pid",
  "user",
  "ons",
  "id",
  "host",
  "command",
];
const GRAPH_KEYS: readonly TreeKey[] = ["ns", "type", "nprocs", "pid", "command"];
const STANDARD_KEYS: Readonly<Record<TreeOutput, readonly TreeKey[]>> = {
  table: TABLE_KEYS,
  json: TREE_COLUMNS.map(({ key }) => key),
  dot: GRAPH_KEYS,
  mermaid: GRAPH_KEYS,
};

/**
 * `keyhole tree`: prints the namespaces of the node as a tree, or what becomes of them while it watches. Returns the exit
 * status, 0. Throws a KeyholeError for a column, filter, process or container that does not exist.
 */
export async function tree(options: TreeOptions = {}): Promise<number> {
  const view = await prepare(options);
  if (options.watch !== undefined) {
    const { watchTree } = await import("./tree-watch.js");
    return watchTree(view, { ...options, watch: options.watch });
  }
  // Within so short a time code that is made faster saves less than making it takes.
  setFlagsFromString("--no-opt");
  const look = view.look();
  const writeError = options.writeError ?? ((text: string) => void process.stderr.write(text));
  for (const what of look.incomplete) writeError(`keyhole: ${what}\n`);
  const write = options.write ?? ((text: string) => void process.stdout.write(text));
  const { output } = options;
  if (output === "dot" || output === "mermaid") {
    const { drawTree } = await import("./tree-drawing.js");
    write(drawTree(look, view.columns, output));
  } else {
    write(printTree(look, view.columns, options));
  }
  return 0;
}

async function prepare(options: TreeOptions): Promise<TreeView> {
  const output = options.output ?? "table";
  if (options.watch !== undefined && output !== "table" && output !== "json") {
    throw new KeyholeError(`--watch cannot draw ${output}`, {
      code: "KEYHOLE_TREE_WATCH",
      expected: "--output table or json",
      found: output,
    });
  }
  const standard = STANDARD_KEYS[output];
  const columns =
    options.columns === undefined ? columnsOf(standard) : parseColumns(options.columns, standard);
  let filter: TreeFilter | null = null;
  // Its library is loaded for those who use it.
  if (options.filter !== undefined) filter = (await import("./tree-filter.js")).compileFilter(options.filter);
  const keys = new Set<TreeKey>([...columns.map(({ key }) => key), ...(filter?.uses ?? [])]);
  const superblocks = TREE_COLUMNS.some(({ key, wants }) => wants === "superblocks" && keys.has(key));
  const host = new HostPath(options.hostRoot);

  return {
    columns,
    look(firstSeenOf = () => null) {
      const node = options.tasks === undefined ? lookAt(host, superblocks) : ofTasks(host, options.tasks());
      const { graph, tasks, incomplete } = node;
      const held = occupy(graph, tasks);
      const facts = treeFacts(node, firstSeenOf);
      let chosen = select(options, held, node);
      if (filter !== null) chosen = chosen.filter((one) => filter.holds(one, facts));
      const order = options.by ?? "owner";
      const roots = arrange(chosen, held, graph, tasks, order);
      const placed: PlacedNode[] = [];
      place(roots, "", true, (node, branch) => placed.push({ node, branch }));
      if (options.list === true) {
        const flat = placed.map(({ node }) => ({ node, branch: "" }));
        flat.sort((a, b) => a.node.namespace.inum - b.node.namespace.inum);
        return { roots, placed: flat, facts, incomplete };
      }
      return { roots, placed, facts, incomplete };
    },
  };
}

function lookAt(host: HostPath, superblocks: boolean): TreeNode {
  // zombies as lsns(8) counts them
  const wants = { tasks: true, zombies: true, openFiles: true, superblocks };
  let snapshot = takeSnapshot(host, wants);
  snapshot.close();
  if (snapshot.nsMounts === null) {
    // Without BPF the mount tables are what shows the namespaces that only a mount holds.
    snapshot = takeSnapshot(host, { ...wants, mounts: true });
    snapshot.close();
  }
  const incomplete = [...snapshot.incomplete];
  if (!inInitialPidNs())
    incomplete.push("this is not the initial pid namespace: the rest of the node is not seen");
  const hidden = snapshot.tasks.filter((task) => task.ns[LINK_INDEX.user] === 0).length;
  if (hidden > 0) incomplete.push(`the namespaces of ${hidden} processes may not be read`);
  return { ...snapshot, incomplete };
}

function ofTasks(host: HostPath, tasks: readonly Task[]): TreeNode {
  const graph = new NamespaceGraph({ host });
  for (const task of tasks) graph.observe(task);
  return { host, graph, tasks, openFiles: null, nsMounts: null, superblocks: null, incomplete: [] };
}

/** Calls `visit` for each node from the top down, with the lines that lead to it. */
function place(
  nodes: readonly ForestNode[],
  indent: string,
  top: boolean,
  visit: (node: ForestNode, branch: string) => void,
): void {
  for (const [index, node] of nodes.entries()) {
    const last = index === nodes.length - 1;
    visit(node, top ? "" : indent + (last ? "└─" : "├─"));
    place(node.children, top ? "" : indent + (last ? "  " : "│ "), false, visit);
  }
}
