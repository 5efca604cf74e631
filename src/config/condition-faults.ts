import type { FieldTypes } from "./condition.js";
import { suggest } from "./suggest.js";

/** Why a text is no condition. */
export interface ConditionFault {
  readonly what: string;
  readonly expected: string;
  /** What stands there; absent where the place says it. */
  readonly found?: string;
  readonly hint?: string;
  /** Where in the text, in UTF-16 units; absent: all of it. */
  readonly offset?: number;
}

/** What CEL says is wrong. */
export interface CelProblem {
  readonly code: string;
  readonly summary: string;
  readonly range?: { readonly start: number; readonly end: number };
}

/** The fault that CEL found in `text`. */
export function invalid(text: string, fields: FieldTypes, problem: CelProblem): ConditionFault {
  const { start, end } = problem.range ?? { start: 0, end: 0 };
  if (problem.code === "unknown_variable") return noField(text.slice(start, end), start, fields);
  return {
    what: problem.summary,
    expected: "a condition in CEL (https://cel.dev)",
    offset: start,
  };
}

/** More names than anyone reads. */
const MANY = 30;

/** `name` at `offset` is none of `fields`. */
export function noField(name: string, offset: number, fields: FieldTypes): ConditionFault {
  const meant = suggest(name, fields.keys());
  const [group] = name.split(".");
  const near =
    fields.size <= MANY
      ? [...fields.keys()]
      : [...fields.keys()].filter((field) => field.startsWith(`${group}.`));
  return {
    what: `Unknown variable: ${name}`,
    expected: near.length === 0 ? "a field" : `one of ${near.join(", ")}`,
    offset,
    ...(meant !== null && { hint: `did you mean ${meant}?` }),
  };
}

export function noMatches(offset: number): ConditionFault {
  return {
    what: "matches() cannot be used",
    expected: "glob(), startsWith(), endsWith() or contains()",
    hint: "a regular expression can take for ever; glob('*x?') does not",
    offset,
  };
}

export function noLoop(start: number): ConditionFault {
  return {
    what: "a loop in a loop cannot be used",
    expected: "exists() and the like of one list",
    hint: "each more takes as many times as long as its list has items",
    offset: start,
  };
}
