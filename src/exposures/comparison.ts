import { glob } from "../config/glob.js";
import type { FactValue } from "./exception.js";

/** The comparisons of exceptions, named as Falco's rules name them. */
export const COMPARISONS = ["=", "!=", "in", "startswith", "endswith", "contains", "glob"] as const;
export type Comparison = (typeof COMPARISONS)[number];

/** What a field is compared with; a list for `in` alone. */
export type Operand = string | number | boolean | readonly (string | number | boolean)[];

/**
 * Whether `value` compares so with `operand`. Never where it is not known. A list does where one of its items does; for `!=`
 * where all of them do.
 */
export function compares(value: FactValue, comparison: Comparison, operand: Operand): boolean {
  if (value === null) return false;
  if (typeof value === "object") {
    const test = (item: string) => compares(item, comparison, operand);
    return comparison === "!=" ? value.every(test) : value.some(test);
  }
  if (comparison === "in") return Array.isArray(operand) && operand.includes(value);
  if (comparison === "=") return value === operand;
  if (comparison === "!=") return value !== operand;
  return typeof value === "string" && typeof operand === "string" && TEXT[comparison](value, operand);
}

const TEXT: Readonly<
  Record<Exclude<Comparison, "=" | "!=" | "in">, (value: string, operand: string) => boolean>
> = {
  startswith: (value, operand) => value.startsWith(operand),
  endswith: (value, operand) => value.endsWith(operand),
  contains: (value, operand) => value.includes(operand),
  glob: (value, operand) => glob(operand, value),
};
