/** A thing with a name, some lines of text and what hangs below it. */
export interface GraphNode {
  /** Of letters, digits and underscores. */
  readonly id: string;
  /** Already neutralised. */
  readonly lines: readonly string[];
  /** Drawn in the background. */
  readonly dim: boolean;
  readonly children: readonly GraphNode[];
}

/** The nodes in the language of Graphviz's dot(1): a graph from the left to the right. */
export function toDot(name: string, roots: readonly GraphNode[]): string {
  const nodes: string[] = [];
  const edges: string[] = [];
  const walk = ({ id, lines, dim, children }: GraphNode): void => {
    const style = dim ? ', style="dashed"' : "";
    // \l ends a line that stands at the left.
    nodes.push(`  ${id} [label="${lines.map((line) => `${escapeDot(line)}\\l`).join("")}"${style}];\n`);
    for (const child of children) {
      edges.push(`  ${id} -> ${child.id};\n`);
      walk(child);
    }
  };
  for (const root of roots) walk(root);
  const head = `digraph ${name} {\n  rankdir="LR";\n  node [shape="box", fontname="monospace"];\n`;
  return `${head}${nodes.join("")}${edges.join("")}}\n`;
}

/** In a quoted string of dot a backslash begins an escape, and the quote ends it; the rest stands for itself. */
function escapeDot(text: string): string {
  return text.replace(/[\\"]/g, "\\$&");
}
