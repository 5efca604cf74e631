import type { Entries, Entry } from "./entry.js";

interface Glob {
  readonly pattern: RegExp;
  /** How much of it is no wildcard. */
  readonly literal: number;
  readonly entry: Entry;
}

/** Which entry of the catalogue a path is. The most specific pattern counts: one without wildcards, then the longest. */
export class EntryIndex {
  readonly #exact = new Map<string, Entry>();
  readonly #globs: Glob[] = [];
  readonly #names: ReadonlySet<string>;
  /** Of processes, with their patterns. */
  readonly processes: readonly Entry[];

  /** `fs`: the type of the file system. `release`: major and minor of the kernel whose names are known. */
  constructor({ entries, names }: Entries, fs: string, release: readonly [number, number]) {
    this.processes = entries.filter((entry) => entry.fs === fs && entry.scope === "process");
    for (const entry of entries) {
      if (entry.fs !== fs || entry.scope === "process") continue;
      for (const path of entry.paths) {
        if (path.includes("*")) this.#globs.push(compile(path, entry));
        else this.#exact.set(path, entry);
      }
    }
    this.#globs.sort((a, b) => b.literal - a.literal);
    const known = names.filter(({ until }) => until === undefined || isBefore(release, until));
    this.#names = new Set(known.flatMap((group) => group.names));
  }

  /** Null for a path of no entry. */
  find(path: string): Entry | null {
    return this.#exact.get(path) ?? this.#globs.find(({ pattern }) => pattern.test(path))?.entry ?? null;
  }

  /** Whether this kernel's own source has the name at the top of procfs that `path` is or is below of. */
  isKnownName(path: string): boolean {
    return this.#names.has(path.split("/", 2)[1] ?? "");
  }
}

function compile(path: string, entry: Entry): Glob {
  const parts = path.split(/(\*\*|\*)/);
  const source = parts.map((part) =>
    part === "**" ? ".*" : part === "*" ? "[^/]*" : part.replace(/[.+[\](){}^$?|\\]/g, "\\$&"),
  );
  const literal = parts.filter((part) => !part.startsWith("*")).join("").length;
  return { pattern: new RegExp(`^${source.join("")}$`), literal, entry };
}

function isBefore([major, minor]: readonly [number, number], release: string): boolean {
  const [otherMajor = 0, otherMinor = 0] = release.split(".").map(Number);
  return major < otherMajor || (major === otherMajor && minor < otherMinor);
}
