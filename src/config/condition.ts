import { type ASTNode, Environment, type Limits } from "@marcbachmann/cel-js";
import { KeyholeError } from "../errors.js";
import { type ConditionFault, invalid, noField, noLoop, noMatches } from "./condition-faults.js";
import { celName, renameFields } from "./field-names.js";
import { glob } from "./glob.js";
import { requiredValues } from "./required-values.js";
import { shortcut, type Truth } from "./shortcut.js";

export type { ConditionFault } from "./condition-faults.js";

/** `list` is a list of strings. */
export type FieldType = "int" | "string" | "bool" | "list";
/** The fields that a condition may name, and what they hold where they are known. */
export type FieldTypes = ReadonlyMap<string, FieldType>;
export type FieldValue = number | string | boolean | readonly string[] | null;
export type ReadField = (field: string) => FieldValue;

/** A condition in CEL (https://cel.dev), compiled. */
export interface Condition {
  /** The fields it names. */
  readonly uses: ReadonlySet<string>;
  /**
   * Whether it holds. A field that is unknown is null, which differs from every value and can be asked for
   * (`pid == null`); what needs a value of it for anything else does not hold.
   */
  holds(read: ReadField): boolean;
  /** True, false, or null where that depends on a field that is unknown. */
  truth(read: ReadField): Truth;
  /** Values of which a string field has one whenever it holds; null where it may have any. */
  required(field: string): ReadonlySet<string> | null;
}

/** More than a person writes, and no more than takes a moment. */
const LIMITS: Partial<Limits> = {
  maxAstNodes: 1000,
  maxDepth: 50,
  maxListElements: 200,
  maxMapEntries: 50,
  maxCallArguments: 8,
};
/** What glob() does takes the product of two lengths. */
const MAX_LENGTH = 8192;
const OPTIONS = { unlistedVariablesAreDyn: false, limits: LIMITS };

const CEL_TYPES: Readonly<Record<FieldType, string>> = {
  int: "int",
  string: "string",
  bool: "bool",
  list: "list<string>",
};

/**
 * Compiles `text`, which `origin` is called in messages. Throws KEYHOLE_CONDITION for what is no CEL, names no field, puts
 * types together that do not fit, or is no condition; the message shows where.
 */
export function compileCondition(text: string, fields: FieldTypes, origin: string): Condition {
  const result = checkCondition(text, fields);
  if ("holds" in result) return result;
  const { what, offset, expected, found, hint } = result;
  const where = offset === undefined ? origin : `${origin}:${placeOf(text, offset)}:`;
  throw new KeyholeError(`${where} ${what}`, {
    code: "KEYHOLE_CONDITION",
    expected,
    found: found ?? pointAt(text, offset ?? 0),
    ...(hint !== undefined && { hint }),
  });
}

/** As {@link compileCondition}, but returns what is wrong. */
export function checkCondition(text: string, fields: FieldTypes): Condition | ConditionFault {
  if (text.length > MAX_LENGTH) {
    return {
      what: "the condition is too long",
      expected: `at most ${MAX_LENGTH} characters`,
      found: String(text.length),
    };
  }
  const { source, unknown } = renameFields(text, fields);
  const [first] = unknown;
  if (first !== undefined) return noField(first.name, first.offset, fields);
  const { checker, evaluator, names } = environments(fields);
  const result = checker.check(source);
  if (!result.valid) return invalid(text, fields, result.error!);
  if (String(result.type) !== "bool") {
    return {
      what: "is no condition",
      expected: "what is true or false",
      found: `${text}, of type ${result.type}`,
    };
  }
  const program = evaluator.parse(source);
  const uses = new Set<string>();
  let fault: ConditionFault | null = null;
  visit(program.ast, 0, (node, loops) => {
    const field = node.op === "id" ? names.get(node.args) : undefined;
    if (field !== undefined) uses.add(field);
    if (node.op !== "rcall") return;
    // It backtracks: an expression and a process's name can be chosen so that it never ends.
    if (node.args[0] === "matches") fault ??= noMatches(node.start);
    if (LOOPS.has(node.args[0]) && loops > 0) fault ??= noLoop(node.start);
  });
  if (fault !== null) return fault;
  const truth = shortcut(program.ast, names) ?? interpreted(program, uses);
  return {
    uses,
    truth,
    holds: (read) => truth(read) === true,
    required: (field) => requiredValues(program.ast, celName(field)),
  };
}

type Program = ReturnType<Environment["parse"]>;

const READ = Symbol("read");

/** Fields are read when the program comes to them. */
interface Facts {
  [READ]: ReadField;
}

function interpreted(program: Program, uses: ReadonlySet<string>): (read: ReadField) => Truth {
  const lazy = {};
  for (const field of uses) {
    const get = function (this: Facts): FieldValue | bigint {
      const value = this[READ](field);
      return typeof value === "number" ? BigInt(value) : value;
    };
    Object.defineProperty(lazy, celName(field), { get });
  }
  return (read) => {
    const facts: Facts = Object.create(lazy);
    facts[READ] = read;
    try {
      const result: unknown = program(facts as never);
      return typeof result === "boolean" ? result : null;
    } catch {
      return null;
    }
  };
}

interface Environments {
  /** Knows the types, so that a mistake is found before anything is read; any field may also be compared with null. */
  readonly checker: Environment;
  /** Takes null for any field, which the other would refuse. */
  readonly evaluator: Environment;
  /** The fields by what they are called in CEL. */
  readonly names: ReadonlyMap<string, string>;
}

/** Making one takes longer than compiling with it. */
const KNOWN = new WeakMap<FieldTypes, Environments>();

function environments(fields: FieldTypes): Environments {
  const known = KNOWN.get(fields);
  if (known !== undefined) return known;
  const checker = withFunctions();
  const evaluator = withFunctions();
  for (const type of Object.values(CEL_TYPES)) checker.registerOperator(`${type} == null`, () => false);
  for (const [field, type] of fields) {
    checker.registerVariable(celName(field), CEL_TYPES[type]);
    evaluator.registerVariable(celName(field), "dyn");
  }
  const names = new Map([...fields.keys()].map((field) => [celName(field), field]));
  const made = { checker, evaluator, names };
  KNOWN.set(fields, made);
  return made;
}

/** Whether CEL and its library leave `name` to whoever wants to call something so. */
export function isFreeName(name: string): boolean {
  try {
    const environment = withFunctions().registerVariable(name, "bool");
    return String(environment.check(name).type) === "bool";
  } catch {
    return false;
  }
}

function withFunctions(): Environment {
  return new Environment(OPTIONS).registerFunction(
    "string.glob(string): bool",
    (text: string, pattern: string) => glob(pattern, text),
  );
}

/** Macros of CEL that go through a list. */
const LOOPS: ReadonlySet<string> = new Set(["all", "exists", "exists_one", "filter", "map"]);

/** Calls `see` for `node` and every node below it, with how many loops it is in. */
function visit(node: ASTNode, loops: number, see: (node: ASTNode, loops: number) => void): void {
  see(node, loops);
  const descend = (part: unknown, depth = loops): void => {
    if (Array.isArray(part)) for (const one of part) descend(one, depth);
    else if (isNode(part)) visit(part, depth, see);
  };
  if (node.op !== "rcall") descend(node.args);
  else {
    descend(node.args[1]);
    descend(node.args[2], LOOPS.has(node.args[0]) ? loops + 1 : loops);
  }
}

function isNode(part: unknown): part is ASTNode {
  return typeof part === "object" && part !== null && "op" in part && "args" in part;
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
