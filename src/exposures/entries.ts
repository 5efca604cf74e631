import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import * as v from "valibot";
import { isNode, LineCounter, parseDocument } from "yaml";
import { KeyholeError } from "../errors.js";
import { SEVERITIES } from "../event.js";
import { CAPABILITY_NAMES } from "./capabilities.js";
import type { Entries, Entry, KnownNames } from "./entry.js";

const severity = v.picklist(SEVERITIES);
const capability = v.picklist(CAPABILITY_NAMES);
const text = v.pipe(v.string(), v.minLength(1));
const pattern = v.pipe(
  v.string(),
  v.regex(/^\/(?:[\w.@+*-]+|\[pid\])(?:\/[\w.@+*-]+)*$/, "a path or a pattern of one"),
);

const ACCESS = v.strictObject({
  effect: text,
  requires: v.exactOptional(
    v.union([
      v.array(capability),
      v.pipe(
        capability,
        v.transform((one) => [one]),
      ),
    ]),
  ),
  capability_of: v.exactOptional(v.picklist(["pid"])),
  override: v.exactOptional(v.boolean()),
  severity: v.pipe(
    v.strictObject({
      host_root: v.exactOptional(severity),
      userns_root: v.exactOptional(severity),
      other: v.exactOptional(severity),
    }),
    v.check((by) => Object.keys(by).length > 0, "at least one severity"),
  ),
  raised: v.exactOptional(v.strictObject({ by: capability, to: severity })),
  shared: v.exactOptional(severity),
});

const ENTRY = v.pipe(
  v.strictObject({
    id: v.pipe(v.string(), v.regex(/^[a-z][a-z0-9-]*$/, "lower case words with dashes")),
    fs: v.optional(text, "proc"),
    paths: v.pipe(v.array(pattern), v.minLength(1, "at least one path")),
    scope: v.picklist(["global", "process", "pid", "ipc", "net", "user", "uts", "mnt", "cgroup"]),
    default: v.picklist(["masked", "masked-by-some", "readonly", "open", "not-mounted"]),
    permissions: v.exactOptional(v.picklist(["net", "ipc", "ipc-checkpoint", "user", "pid"])),
    gate: v.exactOptional(v.picklist(["ptrace", "owner", "own", "none"])),
    kernel: v.exactOptional(
      v.strictObject({
        config: v.exactOptional(v.pipe(v.string(), v.startsWith("CONFIG_"))),
        unless: v.exactOptional(v.pipe(v.string(), v.startsWith("CONFIG_"))),
        lockdown: v.exactOptional(v.picklist(["integrity", "confidentiality"])),
        arch: v.exactOptional(v.array(text)),
      }),
    ),
    read: v.exactOptional(ACCESS),
    write: v.exactOptional(ACCESS),
    references: v.pipe(v.array(text), v.minLength(1, "at least one reference")),
  }),
  v.check(({ read, write }) => read !== undefined || write !== undefined, "what reading or writing it gives"),
  v.check(
    ({ scope, gate }) => (scope === "process") === (gate !== undefined),
    "a gate for entries of processes only",
  ),
);

const NAMES = v.strictObject({
  names: v.pipe(v.array(v.pipe(v.string(), v.regex(/^[\w.-]+$/))), v.minLength(1)),
  until: v.exactOptional(v.pipe(v.string(), v.regex(/^\d+\.\d+$/))),
  arch: v.exactOptional(v.array(text)),
  driver: v.exactOptional(v.boolean()),
});

/** Where the files are that Keyhole comes with: beside this one, also where that is compiled. */
const OWN = new URL("../../src/exposures/catalogue/", import.meta.url);

/** The file that has the names; all others have entries. */
const NAMES_FILE = "names.yaml";

/**
 * Reads the catalogue. Throws KEYHOLE_CATALOGUE with file, line and column of all that is wrong: what the schema refuses, two
 * entries with one id, and two that claim the same path of the same file system.
 */
export function loadEntries(directory: string = fileURLToPath(OWN)): Entries {
  const problems: string[] = [];
  const entries: Entry[] = [];
  let names: readonly KnownNames[] = [];
  const claimed = new Map<string, string>();
  for (const file of list(directory, problems)) {
    const document = readDocument(`${directory}/${file}`, problems);
    if (file === NAMES_FILE) {
      names = document.check(v.array(NAMES)) ?? [];
      continue;
    }
    for (const [index, entry] of (document.check(v.array(ENTRY)) ?? []).entries()) {
      const keys = [`id ${entry.id}`, ...entry.paths.map((path) => `${entry.fs}:${path}`)];
      for (const key of keys) {
        const other = claimed.get(key);
        const where = document.place([index]);
        if (other !== undefined) problems.push(`${where}: ${key} is already at ${other}`);
        else claimed.set(key, where);
      }
      entries.push(entry as Entry);
    }
  }
  if (problems.length === 0) return { entries, names };
  throw new KeyholeError("the catalogue of exposures cannot be used", {
    code: "KEYHOLE_CATALOGUE",
    expected: "entries as src/exposures/entry.ts describes them",
    found: problems.join("\n            "),
    hint: "correct the files named above",
  });
}

function list(directory: string, problems: string[]): string[] {
  try {
    const files = readdirSync(directory).filter((file) => file.endsWith(".yaml"));
    if (files.length === 0) problems.push(`${directory}: no file of the catalogue is there`);
    return files.sort();
  } catch (error) {
    problems.push(`${directory}: ${(error as NodeJS.ErrnoException).code}`);
    return [];
  }
}

interface CheckedDocument {
  check<T extends v.GenericSchema>(schema: T): v.InferOutput<T> | null;
  /** FILE:LINE:COLUMN of the value at a path. */
  place(path: readonly (string | number)[]): string;
}

function readDocument(file: string, problems: string[]): CheckedDocument {
  const lines = new LineCounter();
  const document = parseDocument(readFileSync(file, "utf8"), { lineCounter: lines, prettyErrors: false });
  const at = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return `${file}:${line}:${col}`;
  };
  const place = (path: readonly (string | number)[]) => {
    for (let depth = path.length; depth >= 0; depth--) {
      const node = depth === 0 ? document.contents : document.getIn(path.slice(0, depth), true);
      if (isNode(node) && node.range) return at(node.range[0]);
    }
    return file;
  };
  for (const { pos, message } of [...document.errors, ...document.warnings])
    problems.push(`${at(pos[0])}: ${message}`);
  const broken = document.errors.length > 0;
  return {
    place,
    check(schema) {
      if (broken) return null;
      const result = v.safeParse(schema, document.toJS({ maxAliasCount: 0 }));
      if (result.success) return result.output;
      for (const issue of result.issues) {
        const path = (issue.path ?? []).map((step) => step.key as string | number);
        problems.push(`${place(path)}: ${path.slice(1).join(".")}: ${issue.message}`);
      }
      return null;
    },
  };
}
