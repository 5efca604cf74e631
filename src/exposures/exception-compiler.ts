import type { FieldType } from "../config/condition.js";
import { type Problem, quote } from "../config/problem.js";
import { suggest } from "../config/suggest.js";
import { type Comparison, compares, type Operand } from "./comparison.js";
import { CONTAINER_FIELDS } from "./container-fields.js";
import type { Exception, FactReader } from "./exception.js";
import type { Path, RuleDocument } from "./rule-document.js";
import { fieldTypes, type On } from "./rule-language.js";
import type { ExceptionShape } from "./rule-shapes.js";

/** An exception that was written in a file, compiled. */
export interface DataException extends Exception {
  readonly enabled: boolean;
  /** The fields that it can be asked with, by the rules that it is for. */
  readonly types: ReadonlyMap<string, FieldType>;
  readonly tests: readonly DataExceptionTest[];
}

/** Whether an exception is to spare what `facts` tell. */
export interface DataExceptionTest {
  readonly name: string;
  readonly facts: FactReader;
  readonly spares: boolean;
  /** FILE:LINE:COLUMN. */
  readonly origin: string;
}

/** One field of an exception and how it is compared. */
interface Column {
  readonly field: string;
  readonly type: FieldType;
  readonly comparison: Comparison;
}

const KINDS: Readonly<Record<On, ReadonlyMap<string, FieldType>>> = {
  call: new Map([...fieldTypes("call"), ["place", "string"] as const]),
  story: new Map([...fieldTypes("story"), ["place", "string"] as const]),
  container: new Map([...CONTAINER_FIELDS.values()].map(({ name, type }) => [name, type])),
};

/** The fields that an exception can name which is for rules that look at `on`. */
export function exceptionFields(on: On): ReadonlyMap<string, FieldType> {
  return KINDS[on];
}

/**
 * Compiles the exception at `path` of `document`; null, and why in `problems`, where it is none. `kinds` says what each rule
 * that exists looks at.
 */
export function compileException(
  shape: ExceptionShape,
  kinds: ReadonlyMap<string, On>,
  document: RuleDocument,
  path: Path,
  problems: Problem[],
): Omit<DataException, "tests"> | null {
  const before = problems.length;
  const types = sharedTypes(shape, kinds, document, path, problems);
  if (problems.length > before) return null;
  const isSingle = typeof shape.fields === "string";
  const fields = typeof shape.fields === "string" ? [shape.fields] : shape.fields;
  const comps = shape.comps ?? fields.map(() => "=" as const);
  const comparisons = typeof comps === "string" ? [comps] : comps;
  if (comparisons.length !== fields.length) {
    problems.push({
      where: document.place([...path, "comps"], "key"),
      what: "there is not one comparison for each field",
      expected: String(fields.length),
      found: String(comparisons.length),
    });
  }
  const columns = fields.map((field, index): Column => {
    const type = types.get(field);
    if (type === undefined) {
      const meant = suggest(field, types.keys());
      problems.push({
        where: document.place(isSingle ? [...path, "fields"] : [...path, "fields", index]),
        what: `there is no field "${field}" that all of its rules have`,
        hint: meant === null ? "`keyhole rules fields` lists all fields" : `did you mean ${meant}?`,
      });
    }
    return { field, type: type ?? "string", comparison: comparisons[index] ?? "=" };
  });
  if (problems.length > before) return null;
  const rows = (shape.values ?? []).map((value, index) => {
    const at = [...path, "values", index];
    const row = isSingle ? [value] : value;
    if (!Array.isArray(row) || row.length !== columns.length) {
      problems.push({
        where: document.place(at),
        what: "this row has not one value for each field",
        expected: columns.map(({ field }) => field).join(", "),
        found: quote(value),
      });
      return [];
    }
    return columns.map((column, position) => {
      const wanted = expectedOf(column);
      if (!isOperand(column, row[position])) {
        const where = document.place(isSingle ? at : [...at, position]);
        const what = `${column.field} cannot be compared so by "${column.comparison}"`;
        problems.push({ where, what, expected: wanted, found: quote(row[position]) });
      }
      return row[position] as Operand;
    });
  });
  if (problems.length > before) return null;
  return {
    name: shape.name,
    rules: new Set(shape.rules),
    description: shape.description.trim().replace(/\s*\n\s*/g, " "),
    origin: document.place(path),
    enabled: shape.enabled ?? true,
    types,
    matches: (facts) =>
      rows.some((row) =>
        columns.every(({ field, comparison }, index) => compares(facts(field), comparison, row[index]!)),
      ),
  };
}

/** The fields that all rules of the exception have. */
function sharedTypes(
  { rules }: ExceptionShape,
  kinds: ReadonlyMap<string, On>,
  document: RuleDocument,
  path: Path,
  problems: Problem[],
): ReadonlyMap<string, FieldType> {
  const tables = rules.flatMap((rule, index) => {
    const on = kinds.get(rule);
    if (on !== undefined) return [exceptionFields(on)];
    problems.push(noRule(rule, kinds.keys(), document.place([...path, "rules", index])));
    return [];
  });
  const [first, ...rest] = tables;
  return new Map(
    [...(first ?? [])].filter(([name, type]) => rest.every((other) => other.get(name) === type)),
  );
}

/** The problem that a rule is named that does not exist. */
export function noRule(id: string, ids: Iterable<string>, where: string): Problem {
  const meant = suggest(id, ids);
  return {
    where,
    what: `there is no rule "${id}"`,
    hint: meant === null ? "`keyhole rules list` lists them" : `did you mean "${meant}"?`,
  };
}

function isOperand({ type, comparison }: Column, value: unknown): boolean {
  if (comparison === "in") return Array.isArray(value) && value.every((item) => isScalar(type, item));
  if (comparison === "=" || comparison === "!=") return isScalar(type, value);
  return (type === "string" || type === "list") && typeof value === "string" && value.length <= MAX_TEXT;
}

/** Longer than a path; what glob() does takes the product of both lengths. */
const MAX_TEXT = 8192;

function isScalar(type: FieldType, value: unknown): boolean {
  if (type === "int") return Number.isSafeInteger(value);
  return type === "bool" ? typeof value === "boolean" : typeof value === "string";
}

const WORDS: Readonly<Record<FieldType, string>> = {
  int: "a whole number",
  bool: "true or false",
  string: "text",
  list: "text",
};

function expectedOf({ type, comparison }: Column): string {
  if (comparison === "in") return `a list, each of it ${WORDS[type]}`;
  if (comparison === "=" || comparison === "!=") return WORDS[type];
  return type === "string" || type === "list"
    ? "text"
    : `"=", "!=" or "in" for a field that is ${WORDS[type]}`;
}
