import type { ASTNode } from "@marcbachmann/cel-js";

/** Values of which the variable `name` has one wherever `node` is true, so that it need not be asked for others. */
export function requiredValues(node: ASTNode, name: string): ReadonlySet<string> | null {
  switch (node.op) {
    case "&&":
      return requiredValues(node.args[0], name) ?? requiredValues(node.args[1], name);
    case "||": {
      const left = requiredValues(node.args[0], name);
      const right = requiredValues(node.args[1], name);
      return left === null || right === null ? null : new Set([...left, ...right]);
    }
    case "==":
      return isVariable(node.args[0], name)
        ? stringsOf([node.args[1]])
        : isVariable(node.args[1], name)
          ? stringsOf([node.args[0]])
          : null;
    case "in":
      return isVariable(node.args[0], name) && node.args[1].op === "list"
        ? stringsOf(node.args[1].args)
        : null;
    default:
      return null;
  }
}

function isVariable(node: ASTNode, name: string): boolean {
  return node.op === "id" && node.args === name;
}

function stringsOf(nodes: readonly ASTNode[]): ReadonlySet<string> | null {
  const values = nodes.map((node) => (node.op === "value" ? (node.args as unknown) : null));
  return values.every((value) => typeof value === "string") ? new Set(values as string[]) : null;
}
