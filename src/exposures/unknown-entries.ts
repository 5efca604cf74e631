import { release } from "node:os";
import type { HostPath } from "../kernel/host-path.js";
import { catalogue } from "./catalogue.js";
import { EntryIndex } from "./entry-index.js";
import { readHostEntries } from "./host-entries.js";

/** Something in this kernel's procfs that neither the catalogue nor the kernel's own source has: a module made it. */
export interface UnknownEntry {
  /** Within procfs. */
  readonly path: string;
  /** Permission bits. */
  readonly mode: number;
  /** Owner, in numbers of the initial user namespace. */
  readonly uid: number;
}

/** Of a vendor's driver that makes any number of files. */
const MAX_ENTRIES = 1000;

export interface UnknownEntries {
  readonly entries: readonly UnknownEntry[];
  /** How many more there are. */
  readonly omitted: number;
}

/** What the host's procfs has that nobody knows. Throws KEYHOLE_CATALOGUE. */
export function readUnknownEntries(host: HostPath): UnknownEntries {
  const [major = 0, minor = 0] = release().split(/[.-]/).map(Number);
  const index = new EntryIndex(catalogue(), "proc", [major, minor]);
  const all = readHostEntries(host, index).entries.filter(({ known, kind }) => !known && kind === "file");
  const entries = all.slice(0, MAX_ENTRIES).map(({ path, mode, uid }) => ({ path, mode, uid }));
  return { entries, omitted: all.length - entries.length };
}
