import assert from "node:assert/strict";

export interface Drawing {
  /** The text of each node by its id, a line feed after or between its lines. */
  readonly nodes: ReadonlyMap<string, string>;
  readonly edges: readonly (readonly [from: string, to: string])[];
}

/**
 * Reads what toDot() writes by the grammar of the DOT language (graphviz.org/doc/info/lang.html), cut down to a digraph of
 * statements that are attributes, nodes and edges. Fails on everything else.
 */
export function parseDot(text: string): Drawing {
  const tokens = [...text.matchAll(/\s*(?:([A-Za-z_]\w*)|"((?:[^"\\]|\\[\s\S])*)"|(->)|([{}[\];,=]))/gy)];
  assert.equal(
    tokens
      .map(([whole]) => whole)
      .join("")
      .trim(),
    text.trim(),
    "every character belongs to a token",
  );
  const kinds = tokens.map(([, id, string, arrow, mark]) =>
    id !== undefined ? { id } : string !== undefined ? { string } : { mark: arrow ?? mark },
  ) as { readonly id?: string; readonly string?: string; readonly mark?: string }[];
  let at = 0;
  const next = () => kinds[at++] ?? {};
  const peek = () => kinds[at] ?? {};
  const expect = (mark: string): void => assert.equal(next().mark, mark);
  const id = (): string => {
    const token = next();
    assert.ok(token.id !== undefined || token.string !== undefined, "an id");
    return token.id ?? token.string!;
  };

  const nodes = new Map<string, string>();
  const edges: (readonly [string, string])[] = [];
  assert.equal(id(), "digraph");
  id();
  expect("{");
  while (peek().mark !== "}") {
    const name = id();
    if (peek().mark === "=") {
      next();
      id();
    } else if (peek().mark === "->") {
      next();
      edges.push([name, id()]);
    } else {
      const attributes = new Map<string, string>();
      expect("[");
      while (peek().mark !== "]") {
        const key = id();
        expect("=");
        attributes.set(key, id());
        if (peek().mark === ",") next();
      }
      expect("]");
      // escString: \l ends a line, a backslash before anything else but letters is that character
      if (name !== "node") {
        nodes.set(
          name,
          attributes.get("label")!.replace(/\\([\s\S])/g, (_, escaped) => (escaped === "l" ? "\n" : escaped)),
        );
      }
    }
    expect(";");
  }
  expect("}");
  assert.equal(at, kinds.length, "nothing after the graph");
  return { nodes, edges };
}

/** Reads what toMermaid() writes: a flowchart, a statement a line, labels in quotes. Fails on everything else. */
export function parseMermaid(text: string): Drawing {
  const nodes = new Map<string, string>();
  const edges: (readonly [string, string])[] = [];
  const [first, ...lines] = text.trimEnd().split("\n");
  assert.equal(first, "flowchart LR");
  for (const line of lines) {
    const node = /^ {2}(\w+)\["((?:[\p{L}\p{N} .,:/=@+-]|#\d+;|<br\/>)*)"\]$/u.exec(line);
    const edge = /^ {2}(\w+) --> (\w+)$/.exec(line);
    if (node !== null) {
      const label = node[2]!
        .replaceAll("<br/>", "\n")
        .replace(/#(\d+);/g, (_, code) => String.fromCodePoint(Number(code)));
      nodes.set(node[1]!, label);
    } else if (edge !== null) edges.push([edge[1]!, edge[2]!]);
    else
      assert.match(
        line,
        /^ {2}(?:classDef dim [\w:-]+ \d|classDef dim stroke-dasharray: 4|class [\w,]+ dim)$/,
      );
  }
  return { nodes, edges };
}
