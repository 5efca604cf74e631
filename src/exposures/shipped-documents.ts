import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type RuleDocument, readRuleDocument } from "./rule-document.js";

/** Where the files of rules are that Keyhole comes with: beside this one, also where that is compiled. */
export const SHIPPED = fileURLToPath(new URL("../../src/exposures/rules/", import.meta.url));

/** The same as JSON, which takes no time to read: made by scripts/bundle.js. Not there beside the source. */
const COMPILED = new URL("../shipped-rules.json", import.meta.url);

/** The files of rules that Keyhole comes with. Of those that were compiled, places are those of the file alone. */
export function shippedDocuments(): readonly RuleDocument[] {
  let compiled: readonly { readonly name: string; readonly value: unknown }[];
  try {
    compiled = JSON.parse(readFileSync(COMPILED, "utf8"));
  } catch {
    return readdirSync(SHIPPED)
      .filter((name) => name.endsWith(".yaml"))
      .sort()
      .map((name) => readRuleDocument(join(SHIPPED, name)));
  }
  return compiled.map(({ name, value }) => {
    const file = join(SHIPPED, name);
    return { file, value, problems: [], place: () => file, placeWithin: () => file };
  });
}
