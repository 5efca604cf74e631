import { readFileSync } from "node:fs";
import type { Entries } from "./entry.js";

/** The catalogue that Keyhole comes with as JSON, which takes no time to read: scripts/bundle.js makes it. Not beside the source. */
const COMPILED = new URL("../shipped-catalogue.json", import.meta.url);

let shipped = readCompiled();
// what reads YAML, and checks it, takes as long to load as all else that the agent starts with
const source = shipped === null ? await import("./entries.js") : null;

/** The catalogue that Keyhole comes with, read once. Throws KEYHOLE_CATALOGUE. */
export function catalogue(): Entries {
  shipped ??= source!.loadEntries();
  return shipped;
}

function readCompiled(): Entries | null {
  try {
    return JSON.parse(readFileSync(COMPILED, "utf8")) as Entries;
  } catch {
    return null;
  }
}
