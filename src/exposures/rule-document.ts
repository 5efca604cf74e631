import { readFileSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import type { CST, LineCounter, Node, YAMLError } from "yaml";
import { decode } from "../config/file.js";
import type { Problem } from "../config/problem.js";
import { placeInScalar } from "../config/scalar-place.js";
import type { Sliced } from "./slices.js";

/** From the top of the document to a value, by keys and indexes. */
export type Path = readonly (string | number)[];

/** A YAML file that was read: what stands in it, and where. */
export interface RuleDocument {
  readonly file: string;
  /** Its value; undefined where it is no YAML, which is among `problems`. */
  readonly value: unknown;
  readonly problems: readonly Problem[];
  /** FILE:LINE:COLUMN of the value at `path`, or of its key; of what is above it where there is none. */
  place(path: Path, what?: "value" | "key"): string;
  /** … of the character at `offset` of the string at `path`. */
  placeWithin(path: Path, text: string, offset: number): string;
}

/** The size of one file of rules, in bytes. */
export const MAX_FILE = 4 * 1024 * 1024;

/** One mistake of syntax makes others. */
const MAX_SYNTAX = 5;

/** What makes YAML out of conditions that it would read otherwise. */
const HINTS: { readonly [code: string]: string } = {
  TAG_RESOLVE_FAILED: "a condition that begins with ! has to stand in quotes",
  UNEXPECTED_TOKEN:
    "a condition that begins with a quote has to stand in quotes of the other kind, or below |",
};

function hintOf(code: string): { readonly hint?: string } {
  const hint = HINTS[code];
  return hint === undefined ? {} : { hint };
}

/** Reads the YAML file at `file`. Throws nothing: what is wrong with it is among its problems. */
export function* readRuleDocument(file: string): Sliced<RuleDocument> {
  let text: string | Omit<Problem, "where">;
  try {
    const stat = statSync(file);
    const { size } = stat;
    // a FIFO would be waited for
    if (!stat.isFile()) return unusable(file, [{ where: file, what: "this is no file" }]);
    text =
      size > MAX_FILE
        ? { what: "the file is too large", expected: `at most ${MAX_FILE} bytes`, found: `${size} bytes` }
        : decode(readFileSync(file));
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    text = { what: "the file cannot be read", found: code };
  }
  return typeof text === "string"
    ? yield* parseRuleDocument(file, text)
    : unusable(file, [{ where: file, ...text }]);
}

/** Loaded with the first file: an agent without files of rules needs it for nothing else at its start. */
const require = createRequire(import.meta.url);
let yaml: typeof import("yaml") | null = null;
/** Remembered here, since places are looked for in it by the thousand, and finding a module by its name takes longer. */
const yamlOf = (): typeof import("yaml") => {
  yaml ??= require("yaml") as typeof import("yaml");
  return yaml;
};

/** As {@link readRuleDocument}, of `text` that `file` names in problems. */
export function* parseRuleDocument(file: string, text: string): Sliced<RuleDocument> {
  const { Composer, isAlias, LineCounter } = yamlOf();
  const lines = new LineCounter();
  const position = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return `${file}:${line}:${col}`;
  };
  try {
    const tokens = yield* tokensOf(text, lines);
    const composer = new Composer({ prettyErrors: false, strict: true });
    const [document, second] = composer.compose(tokens, true, text.length);
    if (document === undefined) throw new Error("no document");
    const broken: Pick<YAMLError, "pos" | "message" | "code">[] = [...document.errors, ...document.warnings];
    if (second !== undefined) {
      const message = "a file has one document: leave out what follows on ---";
      broken.push({ pos: [second.range[0], second.range[1]], code: "MULTIPLE_DOCS", message });
    }
    if (broken.length > 0) {
      const told = broken
        .slice(0, MAX_SYNTAX)
        .map(({ pos, message, code }) => ({ where: position(pos[0]), what: message, ...hintOf(code) }));
      const more = broken.length - told.length;
      return unusable(
        file,
        more > 0 ? [...told, { where: file, what: `${more} more mistakes in what YAML is` }] : told,
      );
    }
    const contents = document.contents as Node | null;
    const resolve = (node: unknown): unknown =>
      isAlias(node) ? resolve(node.resolve(document) ?? null) : node;
    return {
      file,
      value: document.toJS({ maxAliasCount: 100 }),
      problems: [],
      place: (path, what = "value") => position(find(contents, path, what, resolve).offset),
      placeWithin: (path, value, offset) => {
        const { node, offset: begin } = find(contents, path, "value", resolve);
        return position(node === null ? begin : placeInScalar(text, node, value, offset));
      },
    };
  } catch (error) {
    // aliases without end, or more nesting than there is stack
    return unusable(file, [
      { where: file, what: "the file is no usable YAML", found: (error as Error).message },
    ]);
  }
}

/** Lexemes that are parsed before others may have their turn. */
const LEXEMES = 256;

/** The syntax of `text`, which takes most of the time that reading it takes; what is made of it is not interrupted. */
function* tokensOf(text: string, lines: LineCounter): Sliced<CST.Token[]> {
  const { Lexer, Parser } = yamlOf();
  const parser = new Parser(lines.addNewLine);
  lines.addNewLine(0);
  const tokens: CST.Token[] = [];
  let count = 0;
  for (const lexeme of new Lexer().lex(text)) {
    tokens.push(...parser.next(lexeme));
    if (++count % LEXEMES === 0) yield;
  }
  tokens.push(...parser.end());
  yield;
  return tokens;
}

function unusable(file: string, problems: readonly Problem[]): RuleDocument {
  return { file, value: undefined, problems, place: () => file, placeWithin: () => file };
}

interface Found {
  /** Null where there is nothing at the path. */
  readonly node: Node | null;
  readonly offset: number;
}

function find(
  contents: Node | null,
  path: Path,
  what: "value" | "key",
  resolve: (node: unknown) => unknown,
): Found {
  const { isMap, isScalar, isSeq } = yamlOf();
  let node = contents;
  let offset = node?.range?.[0] ?? 0;
  for (const [depth, step] of path.entries()) {
    const inner = resolve(node);
    let key: Node | null = null;
    if (isMap(inner)) {
      const pair = inner.items.find((item) => isScalar(item.key) && String(item.key.value) === String(step));
      key = (pair?.key ?? null) as Node | null;
      node = (pair?.value ?? null) as Node | null;
    } else {
      node = isSeq(inner) ? ((inner.items[Number(step)] ?? null) as Node | null) : null;
    }
    const last = depth === path.length - 1;
    const at = (last && what === "key" ? key?.range?.[0] : node?.range?.[0]) ?? key?.range?.[0];
    if (at === undefined) return { node: null, offset };
    offset = at;
  }
  return { node, offset };
}
