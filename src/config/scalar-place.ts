import type { Node, Scalar } from "yaml";

/**
 * Where the character at `offset` of the value of scalar `node` stands in the text of the document, in UTF-16 units: past
 * quotes, escapes, indentation and folded lines. For what is no scalar, where it begins.
 */
export function placeInScalar(text: string, node: Node, value: string, offset: number): number {
  const begin = node.range?.[0] ?? 0;
  const { type } = node as Scalar;
  if (type === undefined || node.range === null || node.range === undefined) return begin;
  const isBlock = type === "BLOCK_LITERAL" || type === "BLOCK_FOLDED";
  const quoted = type === "QUOTE_DOUBLE" || type === "QUOTE_SINGLE";
  let at = isBlock ? text.indexOf("\n", begin) + 1 : quoted ? begin + 1 : begin;
  // whitespace may have been folded, every other character of the value stands in the source in its order
  let wanted = count(value, offset);
  const end = node.range[1];
  for (; at < end; at++) {
    if (/\s/.test(text[at]!)) continue;
    const escaped =
      (type === "QUOTE_DOUBLE" && text[at] === "\\") ||
      (type === "QUOTE_SINGLE" && text.startsWith("''", at));
    if (escaped && /[\snrt]/.test(text[at + 1] ?? "")) {
      at += 1;
      continue;
    }
    if (wanted-- === 0) return at;
    if (escaped) at += 1;
  }
  return Math.min(at, end);
}

/** How many characters before `offset` are no whitespace. */
function count(value: string, offset: number): number {
  return value.slice(0, offset).replace(/\s/g, "").length;
}
