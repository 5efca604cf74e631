import { SCHEMA_VERSION } from "../event.js";
import type { ForestNode } from "../namespaces/forest.js";
import { render, type Style, span } from "../publish/style.js";
import { alignTable, type TableColumn } from "../publish/table.js";
import type { TreeLook, TreeOptions } from "./tree.js";
import {
  cellOf,
  columnName,
  type TreeColumn,
  type TreeFacts,
  type TreeKey,
  type TreeRow,
} from "./tree-columns.js";

/** Strings of digits among the columns, which stand at the right as numbers do. */
const NUMBERS: ReadonlySet<TreeKey> = new Set(["id"]);

/** What `look` found as a table, or as JSON. */
export function printTree(
  look: TreeLook,
  columns: readonly TreeColumn[],
  options: Pick<TreeOptions, "output" | "noHeader" | "color">,
): string {
  const { placed, facts, incomplete } = look;
  if (options.output === "json") {
    const namespaces = placed.map(({ node }) => rowOf(node, columns, facts));
    return `${JSON.stringify({ schema: SCHEMA_VERSION, incomplete, namespaces }, null, 2)}\n`;
  }

  const cells = placed.map(({ node, branch }) => treeCells(node, branch, columns, facts));
  const { header, lines } = alignTable(tableColumns(columns), cells, {
    headed: options.noHeader !== true,
  });
  const width = process.stdout.isTTY === true ? process.stdout.columns || undefined : undefined;
  const color = options.color === true;
  const print = (text: string, style: Style): string => `${render([span(text, style)], color, width)}\n`;
  let text = options.noHeader === true ? "" : print(header, "bold");
  // The host's are dim, so that the containers' stand out.
  for (const [index, line] of lines.entries())
    text += print(line, facts.isHost(placed[index]!.node) ? "dim" : "container");
  return text;
}

/** What {@link alignTable} has to know of the columns. */
export function tableColumns(columns: readonly TreeColumn[]): TableColumn[] {
  return columns.map((column) => ({
    name: columnName(column),
    right: NUMBERS.has(column.key) || (column.type === "int" && column.key !== "ns"),
  }));
}

/** The cells of one namespace, with the lines of the tree before its inode number. */
export function treeCells(
  node: ForestNode,
  branch: string,
  columns: readonly TreeColumn[],
  facts: TreeFacts,
): string[] {
  return columns.map((column) =>
    column.key === "ns" ? branch + cellOf(column, node, facts) : cellOf(column, node, facts),
  );
}

/** One namespace as JSON prints it, with these columns. */
export function rowOf(node: ForestNode, columns: readonly TreeColumn[], facts: TreeFacts): Partial<TreeRow> {
  return Object.fromEntries(columns.map((column) => [column.key, column.of(node, facts)]));
}
