import { readFileSync, statSync } from "node:fs";
import type { Document, LineCounter, Node } from "yaml";
import type { Layer } from "./config.js";
import type { Problem } from "./problem.js";
import type { SchemaIssue } from "./schema.js";

/** What one configuration file said: its layer (empty where it has problems), problems and warnings. */
export interface FileLayer {
  readonly layer: Layer;
  readonly problems: readonly Problem[];
  readonly warnings: readonly string[];
}

const MAX_SIZE = 1024 * 1024;

/**
 * Reads and checks the YAML file `path`. Null when there is no such file; any other failure is a problem of
 * the result. All problems of the file are in it, each with its line and column.
 */
export async function readConfigFile(path: string): Promise<FileLayer | null> {
  let bytes: Buffer;
  const warnings: string[] = [];
  try {
    const { mode, size, uid } = statSync(path);
    if (size > MAX_SIZE) {
      return failed({
        where: path,
        what: "the file is too large",
        expected: "at most 1 MiB",
        found: `${size} bytes`,
      });
    }
    bytes = readFileSync(path);
    const self = process.geteuid?.();
    if ((mode & 0o002) !== 0) warnings.push(`${path}: anyone can write to this file (chmod o-w)`);
    else if (uid !== 0 && uid !== self)
      warnings.push(`${path}: owned by uid ${uid}, neither root nor this user`);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    if (code === "ENOENT") return null;
    return failed({ where: path, what: "the file cannot be read", found: code });
  }
  const text = decode(bytes);
  if (typeof text !== "string") return { layer: {}, problems: [{ where: path, ...text }], warnings };
  return { ...(await parseConfigText(path, text)), warnings };
}

function failed(problem: Problem): FileLayer {
  return { layer: {}, problems: [problem], warnings: [] };
}

/** The text of `bytes`, or what is wrong with them. */
export function decode(bytes: Buffer): string | Omit<Problem, "where"> {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    let offset = 0;
    const reread = Buffer.from(bytes.toString("utf8"), "utf8");
    while (offset < reread.length && reread[offset] === bytes[offset]) offset++;
    const found = `byte 0x${bytes[offset]?.toString(16).padStart(2, "0")} at offset ${offset}`;
    return { what: "the file is not text", expected: "UTF-8", found };
  }
}

/** The layer in YAML `text`; `path` names it in problems. */
export async function parseConfigText(path: string, text: string): Promise<Omit<FileLayer, "warnings">> {
  const yaml = await import("yaml");
  const lines = new yaml.LineCounter();
  const document = yaml.parseDocument(text, { lineCounter: lines, prettyErrors: false, strict: true });
  const broken = [...document.errors, ...document.warnings];
  if (broken.length > 0) {
    const problems = broken.map(({ pos, message, code }) => ({
      where: position(path, lines, pos[0]),
      what: SYNTAX[code] ?? message,
      ...(code === "TAB_AS_INDENT" && { expected: "spaces", found: "a tab" }),
    }));
    return { layer: {}, problems };
  }
  let input: unknown;
  try {
    input = withoutEmpty(document.toJS({ maxAliasCount: 100 })) ?? {};
  } catch (error) {
    return { layer: {}, problems: [{ where: path, what: (error as Error).message }] };
  }
  const { parseLayer } = await import("./schema.js");
  const result = parseLayer(input);
  if ("layer" in result) return { layer: result.layer, problems: [] };
  const locate = new Locator(document, yaml);
  return {
    layer: {},
    problems: result.issues.map((issue) => problemOf(issue, position(path, lines, locate.offset(issue)))),
  };
}

const SYNTAX: Readonly<Record<string, string>> = {
  DUPLICATE_KEY: "this key stands here twice",
  TAB_AS_INDENT: "YAML cannot be indented with tabs",
  MULTIPLE_DOCS: "a configuration is one YAML document",
};

function problemOf(issue: SchemaIssue, where: string): Problem {
  const hint = issue.hint === undefined ? {} : { hint: issue.hint };
  const name = issue.path.join(".");
  if (issue.unknownKey) return { where, what: `there is no key "${name}"`, ...hint };
  const what = name === "" ? "the file has no keys" : `${name} is not valid`;
  return { where, what, expected: issue.expected, found: issue.found, ...hint };
}

/** `path:line:column` of a character offset, both from 1. */
function position(path: string, lines: LineCounter, offset: number): string {
  const { line, col } = lines.linePos(offset);
  return `${path}:${line}:${col}`;
}

/** A section whose lines are all commented out is null in YAML; it means the same as no section. */
function withoutEmpty(value: unknown): unknown {
  if (value === null) return undefined;
  if (typeof value !== "object" || Array.isArray(value)) return value;
  const kept = Object.entries(value)
    .map(([key, inner]) => [key, withoutEmpty(inner)] as const)
    .filter(([, inner]) => inner !== undefined);
  return Object.fromEntries(kept);
}

/** Finds the place of a value or a key in the parsed document. */
class Locator {
  readonly #document: Document;
  readonly #yaml: typeof import("yaml");

  constructor(document: Document, yaml: typeof import("yaml")) {
    this.#document = document;
    this.#yaml = yaml;
  }

  /** Character offset of the key (unknown keys) or else of the value. */
  offset({ path, unknownKey }: SchemaIssue): number {
    const { isAlias, isMap, isScalar, isSeq } = this.#yaml;
    let node = this.#document.contents as Node | null;
    let at = node?.range?.[0] ?? 0;
    for (const [depth, step] of path.entries()) {
      if (isAlias(node)) node = node.resolve(this.#document) ?? null;
      if (isMap(node)) {
        const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(step));
        const key = pair?.key as Node | undefined;
        node = (pair?.value ?? null) as Node | null;
        const last = depth === path.length - 1;
        at = (last && unknownKey ? key?.range?.[0] : (node?.range?.[0] ?? key?.range?.[0])) ?? at;
      } else if (isSeq(node)) {
        node = (node.items[Number(step)] ?? null) as Node | null;
        at = node?.range?.[0] ?? at;
      }
    }
    return at;
  }
}
