import type { ForestNode } from "../namespaces/forest.js";
import { type GraphNode, toDot } from "../publish/dot.js";
import { toMermaid } from "../publish/mermaid.js";
import { cutTo } from "../publish/style.js";
import type { TreeLook } from "./tree.js";
import { cellOf, columnName, type TreeColumn, type TreeFacts } from "./tree-columns.js";

/** Longer cells would make a node wider than a screen. */
const MAX_LABEL = 60;

/** What `look` found as a drawing: a node for each namespace, an edge to what hangs below it. */
export function drawTree(
  { roots, facts }: TreeLook,
  columns: readonly TreeColumn[],
  language: "dot" | "mermaid",
): string {
  const nodes = graphOf(roots, columns, facts);
  return language === "dot" ? toDot("namespaces", nodes) : toMermaid(nodes);
}

function graphOf(
  nodes: readonly ForestNode[],
  columns: readonly TreeColumn[],
  facts: TreeFacts,
): GraphNode[] {
  return nodes.map((node) => {
    const { type, inum } = node.namespace;
    const lines = [`${type}:[${inum}]`];
    for (const column of columns) {
      if (column.key === "ns" || column.key === "type") continue;
      const cell = cellOf(column, node, facts);
      if (cell !== "-") lines.push(cutTo(`${columnName(column)} ${cell}`, MAX_LABEL));
    }
    return {
      id: `${type}_${inum}`,
      lines,
      dim: facts.isHost(node),
      children: graphOf(node.children, columns, facts),
    };
  });
}
