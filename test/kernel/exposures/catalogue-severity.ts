import { readdirSync, readFileSync } from "node:fs";
import { parse } from "yaml";

const SEVERITIES = ["critical", "high", "medium", "low", "info"];
const DIRECTORY = new URL("../../../src/exposures/catalogue/", import.meta.url);

interface Access {
  readonly severity: Readonly<Record<string, string>>;
  readonly requires?: unknown;
}

interface Entry {
  readonly fs?: string;
  readonly paths: readonly string[];
  readonly scope: string;
  readonly read?: Access;
  readonly write?: Access;
}

const entries = readdirSync(DIRECTORY)
  .filter((file) => file.endsWith(".yaml") && file !== "names.yaml")
  .flatMap((file) => parse(readFileSync(new URL(file, DIRECTORY), "utf8")) as Entry[]);

/** The worst that the catalogue's files say of `path` and what is below it, to a root without capabilities. */
export function catalogueSeverity(
  fs: string,
  path: string,
  root: "host_root" | "userns_root",
  kinds: readonly ("read" | "write")[],
): string {
  const at = entries.filter(
    (entry) =>
      (entry.fs ?? "proc") === fs &&
      entry.scope !== "process" &&
      entry.paths.some((pattern) => pattern === path || pattern.startsWith(path === "/" ? "/" : `${path}/`)),
  );
  const found = at.flatMap((entry) =>
    kinds.flatMap((kind) => {
      const access = entry[kind];
      const severity = access?.severity[root];
      if (access === undefined || severity === undefined) return [];
      if (access.requires === undefined) return [severity];
      return [root === "host_root" ? "low" : "info"];
    }),
  );
  return SEVERITIES.find((severity) => found.includes(severity)) ?? "info";
}
