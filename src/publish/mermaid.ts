import type { GraphNode } from "./dot.js";

/** The nodes as a flowchart of Mermaid (https://mermaid.js.org), which Markdown of GitHub and GitLab shows. */
export function toMermaid(roots: readonly GraphNode[]): string {
  const lines = ["flowchart LR"];
  const dim: string[] = [];
  const walk = (node: GraphNode): void => {
    lines.push(`  ${node.id}["${node.lines.map(escapeMermaid).join("<br/>")}"]`);
    if (node.dim) dim.push(node.id);
    for (const child of node.children) {
      lines.push(`  ${node.id} --> ${child.id}`);
      walk(child);
    }
  };
  for (const root of roots) walk(root);
  if (dim.length > 0) lines.push("  classDef dim stroke-dasharray: 4", `  class ${dim.join(",")} dim`);
  return `${lines.join("\n")}\n`;
}

/**
 * Text between the quotes is Markdown and HTML to Mermaid. Whatever is no letter, digit or harmless mark is written as
 * `#CODE;`, its own form of a character's number.
 */
function escapeMermaid(text: string): string {
  return text.replace(/[^\p{L}\p{N} .,:/=@+-]/gu, (character) => `#${character.codePointAt(0)};`);
}
