export { code, table } from "../../src/publish/markdown-table.js";

const PART = /(<!-- BEGIN ([a-z-]+) [^\n]*-->\n)[\s\S]*?(<!-- END \2 -->)/g;

/** `page` with what `make` returns for each of its parts between that part's markers. */
export function fill(page: string, make: (part: string) => string): string {
  return page.replace(PART, (_whole, begin: string, part: string, end: string) => {
    return `${begin}\n${make(part).trimEnd()}\n\n${end}`;
  });
}

/** Throws unless `described` has exactly the keys `existing`; `what` names them in the message. */
export function assertSameKeys(what: string, existing: Iterable<string>, described: Iterable<string>): void {
  const [real, told] = [new Set(existing), new Set(described)];
  const missing = [...real].filter((key) => !told.has(key));
  const extra = [...told].filter((key) => !real.has(key));
  if (missing.length > 0) throw new Error(`${what} without a description: ${missing.join(", ")}`);
  if (extra.length > 0) throw new Error(`descriptions of ${what} that do not exist: ${extra.join(", ")}`);
}
