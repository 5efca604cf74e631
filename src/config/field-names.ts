/**
 * Fields have names with dots (`process.exe`), which CEL would take for members of an object. While a condition is compiled
 * they are called something as long, so that places in it stay what they are.
 */

/** The names of fields, and of nothing else, are asked of it. */
interface Names {
  has(name: string): boolean;
}

/** A name with dots that is no field, at `offset`. */
export interface UnknownName {
  readonly name: string;
  readonly offset: number;
}

/** Functions of CEL that are fields as well. */
const FUNCTIONS: ReadonlyMap<string, string> = new Map([["type", "TYPE"]]);

/** Strings, in which nothing is renamed, or names with dots between them that are no member of something before. */
const STRING_OR_NAMES =
  /[rR](?:"[^"\n]*"|'[^'\n]*')|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|(?<![\w.])([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)/g;

/** What field `name` is called in CEL. */
export function celName(name: string): string {
  return FUNCTIONS.get(name) ?? name.replaceAll(".", "_");
}

/** `text` with every field called by its {@link celName}; the names with dots that are no field. */
export function renameFields(
  text: string,
  fields: Names,
): { readonly source: string; readonly unknown: readonly UnknownName[] } {
  const unknown: UnknownName[] = [];
  const source = text.replace(STRING_OR_NAMES, (match, names: string | undefined, offset: number) => {
    if (names === undefined) return match;
    const isCalled = /^\s*\(/.test(text.slice(offset + match.length, offset + match.length + 80));
    const end = isCalled ? names.lastIndexOf(".") : names.length;
    if (end < 0) return match;
    const name = names.slice(0, end);
    if (fields.has(name)) return celName(name) + names.slice(end);
    if (name.includes(".")) unknown.push({ name, offset });
    return match;
  });
  return { source, unknown };
}
