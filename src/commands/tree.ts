import { readCommandLine } from "../kernel/cmdline.js";
import { HostPath } from "../kernel/host-path.js";
import { NS_TYPES, type NsType } from "../kernel/links.js";
import { readUserNames } from "../kernel/passwd.js";
import { readProcTasks } from "../kernel/proc-tasks.js";
import { arrange, type ForestNode, type ForestOrder } from "../namespaces/forest.js";
import { NamespaceGraph } from "../namespaces/graph.js";
import type { Task } from "../namespaces/task.js";
import { neutralise } from "../publish/neutral.js";
import { render, type Span, span } from "../publish/style.js";

export interface TreeOptions {
  /** All eight types when it is not given. */
  readonly type?: readonly NsType[];
  /** `owner` when it is not given. */
  readonly by?: ForestOrder;
  readonly output?: "table" | "json";
  readonly hostRoot?: string;
  readonly noHeader?: boolean;
  readonly color?: boolean;
  /** Where the tasks come from; the host's /proc when it is not given. */
  readonly tasks?: () => Task[];
  /** Where the text goes; stdout when it is not given. */
  readonly write?: (text: string) => void;
}

/** One namespace of `keyhole tree --output json`. The names are those of lsns(8) where it has the same thing. */
export interface TreeRow {
  readonly ns: number;
  readonly type: NsType;
  readonly nprocs: number;
  readonly pid: number | null;
  readonly ppid: number | null;
  readonly uid: number | null;
  readonly user: string | null;
  /** Inode number of the parent, of pid and user namespaces. */
  readonly pns: number | null;
  /** Inode number of the owning user namespace. */
  readonly ons: number | null;
  readonly owner_uid: number | null;
  readonly level: number | null;
  readonly id: string | null;
  /** Whether it is the host's. */
  readonly host: boolean;
  /** Whether it is the kernel's own initial one. */
  readonly init: boolean;
  readonly command: string | null;
}

interface PlacedRow {
  readonly row: TreeRow;
  /** The lines of the tree before the inode number. */
  readonly branch: string;
}

/**
 * `keyhole tree`: prints the namespaces that processes are in, and those above them, as a tree. Namespaces
 * that only a file descriptor or a bind mount holds are not found. Returns the exit status, 0.
 */
export async function tree(options: TreeOptions = {}): Promise<number> {
  const host = new HostPath(options.hostRoot);
  const tasks = (options.tasks ?? (() => readProcTasks(host)))();
  const graph = new NamespaceGraph({ host });
  for (const task of tasks) graph.observe(task);

  const roots = arrange(graph, tasks, options.type ?? NS_TYPES, options.by ?? "owner");
  const users = readUserNames(host);
  const rows: PlacedRow[] = [];
  place(roots, "", true, (node, branch) => rows.push({ row: describe(node, host, graph, users), branch }));

  const write = options.write ?? ((text: string) => void process.stdout.write(text));
  if (options.output === "json") {
    write(`${JSON.stringify({ schema: 1, namespaces: rows.map(({ row }) => row) }, null, 2)}\n`);
  } else {
    write(table(rows, options));
  }
  return 0;
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

function describe(
  { namespace, processes, first }: ForestNode,
  host: HostPath,
  graph: NamespaceGraph,
  users: ReadonlyMap<number, string>,
): TreeRow {
  return {
    ns: namespace.inum,
    type: namespace.type,
    nprocs: processes,
    pid: first?.pid ?? null,
    ppid: first?.ppid ?? null,
    uid: first?.uid ?? null,
    user: first === null ? null : (users.get(first.uid) ?? null),
    pns: namespace.parent?.inum ?? null,
    ons: namespace.owner?.inum ?? null,
    owner_uid: namespace.ownerUid,
    level: namespace.level,
    id: namespace.id,
    host: graph.isHost(namespace.type, namespace.inum),
    init: graph.isInit(namespace.type, namespace.inum),
    command: first === null ? null : (readCommandLine(host, first.pid) ?? first.comm),
  };
}

const HEADER = ["NS", "TYPE", "NPROCS", "PID", "USER", "OWNER", "ID", "HOST", "COMMAND"] as const;
/** Columns of numbers. */
const RIGHT: ReadonlySet<string> = new Set(["NPROCS", "PID", "ID"]);

function table(rows: readonly PlacedRow[], options: TreeOptions): string {
  const lines = rows.map(({ row, branch }) => ({ row, cells: cells(row, branch) }));
  const header = options.noHeader === true ? [] : [HEADER];
  const widths = HEADER.map((_, column) =>
    Math.max(0, ...[...header, ...lines.map((line) => line.cells)].map((line) => line[column]!.length)),
  );
  const width = process.stdout.isTTY === true ? process.stdout.columns : undefined;
  const color = options.color === true;
  let text = "";
  if (header.length > 0) text += `${render([span(align(HEADER, widths), "bold")], color, width)}\n`;
  for (const { row, cells } of lines) text += `${render(paint(row, cells, widths), color, width)}\n`;
  return text;
}

function cells(row: TreeRow, branch: string): string[] {
  return [
    `${branch}${row.ns}`,
    row.type,
    String(row.nprocs),
    String(row.pid ?? "-"),
    neutralise(row.user ?? String(row.uid ?? "-")),
    String(row.ons ?? "-"),
    row.id ?? "-",
    row.host ? "host" : "-",
    neutralise(row.command ?? "-"),
  ];
}

function align(cells: readonly string[], widths: readonly number[]): string {
  return cells
    .map((cell, column) => {
      if (column === cells.length - 1) return cell;
      return RIGHT.has(HEADER[column]!) ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!);
    })
    .join(" ");
}

/** The whole line dim for the host's namespaces, so that the containers' stand out. */
function paint(row: TreeRow, cells: readonly string[], widths: readonly number[]): Span[] {
  return [span(align(cells, widths), row.host ? "dim" : "container")];
}
