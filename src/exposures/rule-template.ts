import type { FieldType } from "../config/condition.js";
import { suggest } from "../config/suggest.js";
import type { FactReader, FactValue } from "./exception.js";

/** A sentence with the values of fields in it. */
export interface Template {
  readonly uses: readonly string[];
  fill(read: FactReader): string;
  /** Null where one of the fields is not known. */
  fillKnown(read: FactReader): string | null;
}

/** What is wrong with a template, and where in it. */
export interface TemplateFault {
  readonly what: string;
  readonly expected: string;
  readonly hint?: string;
  readonly offset: number;
}

/** What is not known, in a sentence. */
const UNKNOWN = "(unknown)";
const FIELD = /\{([^{}]*)\}/g;

/**
 * Compiles `text`, in which `{process.exe}` stands for the value of that field. `only`: the type that they have to be of, as
 * for a command, into which nothing may get that a container chose.
 */
export function compileTemplate(
  text: string,
  types: ReadonlyMap<string, FieldType>,
  only?: FieldType,
): Template | TemplateFault {
  const parts: { readonly literal: string; readonly field: string | null }[] = [];
  let end = 0;
  for (const match of text.matchAll(FIELD)) {
    const field = match[1]!;
    const type = types.get(field);
    const offset = match.index + 1;
    if (type === undefined) {
      const meant = suggest(field, types.keys());
      return {
        what: `there is no field "${field}" here`,
        expected: "{FIELD} with a field that this rule can name",
        offset,
        hint: meant === null ? "`keyhole rules fields` lists all fields" : `did you mean ${meant}?`,
      };
    }
    if (only !== undefined && type !== only) {
      return {
        what: `{${field}} cannot stand in a command`,
        expected: "fields that are numbers: others can hold what a container chose",
        offset,
      };
    }
    parts.push({ literal: text.slice(end, match.index), field });
    end = match.index + match[0].length;
  }
  const rest = text.slice(end);
  return {
    uses: parts.map(({ field }) => field!),
    fill: (read) => parts.map(({ literal, field }) => literal + told(read(field!))).join("") + rest,
    fillKnown: (read) => {
      const values = parts.map(({ field }) => read(field!));
      if (values.includes(null)) return null;
      return parts.map(({ literal }, index) => literal + told(values[index]!)).join("") + rest;
    },
  };
}

function told(value: FactValue): string {
  if (value === null) return UNKNOWN;
  return typeof value === "object" ? value.join(", ") : String(value);
}
