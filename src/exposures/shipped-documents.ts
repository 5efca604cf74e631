import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type RuleDocument, readRuleDocument } from "./rule-document.js";
import { atOnce } from "./slices.js";

/** The rules that Keyhole comes with as JSON, which takes no time to read: scripts/bundle.js makes it. Not beside the source. */
const COMPILED = new URL("../shipped-rules.json", import.meta.url);

/**
 * The files of rules that Keyhole comes with, which are in `directory`. Of those that were compiled, places are those of the
 * file alone.
 */
export function shippedDocuments(directory: string): readonly RuleDocument[] {
  let compiled: readonly { readonly name: string; readonly value: unknown }[];
  try {
    compiled = JSON.parse(readFileSync(COMPILED, "utf8"));
  } catch {
    return written(directory);
  }
  return compiled.map(({ name, value }) => {
    const file = join(directory, name);
    return { file, value, problems: [], place: () => file, placeWithin: () => file };
  });
}

function written(directory: string): readonly RuleDocument[] {
  try {
    const names = readdirSync(directory).filter((name) => name.endsWith(".yaml"));
    return names.sort().map((name) => atOnce(readRuleDocument(join(directory, name))));
  } catch (error) {
    const { code = String(error) } = error as NodeJS.ErrnoException;
    const problem = { where: directory, what: "the directory of rules cannot be read", found: code };
    const place = () => directory;
    return [{ file: directory, value: undefined, problems: [problem], place, placeWithin: place }];
  }
}
