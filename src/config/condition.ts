import { type ASTNode, Environment, type Limits } from "@marcbachmann/cel-js";
import { KeyholeError } from "../errors.js";
import { glob } from "./glob.js";
import { suggest } from "./suggest.js";

/** The fields that a condition may name, and what they hold where they are known. */
export type FieldTypes = ReadonlyMap<string, "int" | "string" | "bool">;
export type FieldValue = number | string | boolean | null;

/** A condition in CEL (https://cel.dev), compiled. */
export interface Condition {
  /** The fields it names. */
  readonly uses: ReadonlySet<string>;
  /**
   * Whether it holds. Where a field is unknown (null) a condition that needs its value does not hold; whether it is can be
   * asked: `pid == null`.
   */
  holds(read: (field: string) => FieldValue): boolean;
}

/** More than a person writes, and no more than takes a moment. */
const LIMITS: Partial<Limits> = {
  maxAstNodes: 1000,
  maxDepth: 50,
  maxListElements: 200,
  maxMapEntries: 50,
  maxCallArguments: 8,
};
const OPTIONS = { unlistedVariablesAreDyn: false, limits: LIMITS };

/**
 * Fields whose names are functions of CEL, and what they are called while it is compiled: as long, so that places stay
 * what they are.
 */
const RENAMED: ReadonlyMap<string, string> = new Map([["type", "TYPE"]]);
const RENAMED_BACK: ReadonlyMap<string, string> = new Map([...RENAMED].map(([name, other]) => [other, name]));

/** Strings, in which nothing is renamed, or a name that is neither called nor a member. */
const STRING_OR_NAME =
  /[rR](?:"[^"\n]*"|'[^'\n]*')|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|(?<![\w.])([a-z]+)\b(?!\s*\()/g;

function renameFields(text: string): string {
  return text.replace(STRING_OR_NAME, (match, name?: string) =>
    name === undefined ? match : (RENAMED.get(name) ?? match),
  );
}

/**
 * Compiles `text`, which `origin` is called in messages. Throws KEYHOLE_CONDITION for what is no CEL, names no field, puts
 * types together that do not fit, or is no condition; the message shows where.
 */
export function compileCondition(text: string, fields: FieldTypes, origin: string): Condition {
  const source = renameFields(text);
  const result = checker(fields).check(source);
  if (!result.valid) throw invalid(text, fields, origin, result.error!);
  if (String(result.type) !== "bool") {
    throw new KeyholeError(`${origin} is no condition`, {
      code: "KEYHOLE_CONDITION",
      expected: "what is true or false",
      found: `${text}, of type ${result.type}`,
    });
  }
  const program = evaluator(fields).parse(source);
  const uses = new Set<string>();
  visit(program.ast, (node) => {
    const field = node.op === "id" ? (RENAMED_BACK.get(node.args) ?? node.args) : null;
    if (field !== null && fields.has(field)) uses.add(field);
    // It backtracks: an expression and a process's name can be chosen so that it never ends.
    if (node.op === "rcall" && node.args[0] === "matches") throw noMatches(text, origin, node.start);
  });
  return {
    uses,
    holds: (read) => {
      const facts: Record<string, FieldValue | bigint> = {};
      for (const field of uses) {
        const value = read(field);
        facts[RENAMED.get(field) ?? field] = typeof value === "number" ? BigInt(value) : value;
      }
      try {
        return program(facts) === true;
      } catch {
        return false;
      }
    },
  };
}

/** Knows the types, so that a mistake is found before anything is read; any field may also be compared with null. */
function checker(fields: FieldTypes): Environment {
  const environment = withFunctions();
  for (const type of ["int", "string", "bool"]) environment.registerOperator(`${type} == null`, () => false);
  for (const [name, type] of fields) environment.registerVariable(RENAMED.get(name) ?? name, type);
  return environment;
}

/** Takes null for any field, which the other would refuse. */
function evaluator(fields: FieldTypes): Environment {
  const environment = withFunctions();
  for (const name of fields.keys()) environment.registerVariable(RENAMED.get(name) ?? name, "dyn");
  return environment;
}

function withFunctions(): Environment {
  return new Environment(OPTIONS).registerFunction(
    "string.glob(string): bool",
    (text: string, pattern: string) => glob(pattern, text),
  );
}

/** Calls `see` for `node` and every node below it. */
function visit(node: ASTNode, see: (node: ASTNode) => void): void {
  see(node);
  const descend = (part: unknown): void => {
    if (Array.isArray(part)) part.forEach(descend);
    else if (isNode(part)) visit(part, see);
  };
  descend(node.args);
}

function isNode(part: unknown): part is ASTNode {
  return typeof part === "object" && part !== null && "op" in part && "args" in part;
}

interface CelProblem {
  readonly code: string;
  readonly summary: string;
  readonly range?: { readonly start: number; readonly end: number };
}

function invalid(text: string, fields: FieldTypes, origin: string, problem: CelProblem): KeyholeError {
  const { start, end } = problem.range ?? { start: 0, end: 0 };
  const unknown = problem.code === "unknown_variable" ? text.slice(start, end) : null;
  const meant = unknown === null ? null : suggest(unknown, fields.keys());
  const list = [...fields.keys()].join(", ");
  return new KeyholeError(`${origin}:${placeOf(text, start)}: ${problem.summary}`, {
    code: "KEYHOLE_CONDITION",
    expected: unknown === null ? "a condition in CEL, as: type == 'net' && nprocs > 1" : `one of ${list}`,
    found: pointAt(text, start),
    ...(meant !== null && { hint: `did you mean ${meant}?` }),
  });
}

function noMatches(text: string, origin: string, start: number): KeyholeError {
  return new KeyholeError(`${origin}:${placeOf(text, start)}: matches() cannot be used`, {
    code: "KEYHOLE_CONDITION",
    expected: "glob(), startsWith(), endsWith() or contains()",
    found: pointAt(text, start),
    hint: "a regular expression can take for ever; glob('*x?') does not",
  });
}

/** Line and column, counted from 1. */
function placeOf(text: string, offset: number): string {
  const before = text.slice(0, offset).split("\n");
  return `${before.length}:${before.at(-1)!.length + 1}`;
}

/** The line of `offset` with a mark below it, for a message that has 12 characters before it. */
function pointAt(text: string, offset: number): string {
  const start = text.lastIndexOf("\n", offset - 1) + 1;
  const [line] = text.slice(start).split("\n", 1);
  return `${line}\n${" ".repeat(12 + offset - start)}^`;
}
