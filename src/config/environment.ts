import type { KeyPath } from "./config.js";
import { KEY_PATHS, KEYS, variableOf } from "./keys.js";
import type { Problem } from "./problem.js";
import { suggest } from "./suggest.js";

/** Raw text by key, from variables or flags; not checked yet. */
export type TextLayer = { readonly [path in KeyPath]?: string | boolean | readonly string[] };

/** Variables that are not configuration keys: the file to read, and the libbpf loader's own. */
const OTHERS = ["KEYHOLE_CONFIG", "KEYHOLE_LIBBPF"] as const;

/**
 * What Kubernetes sets in every pod beside a Service whose name begins with `keyhole`
 * (kubernetes.io/docs/concepts/services-networking/service/#environment-variables).
 */
const SERVICE_LINK =
  /_SERVICE_HOST$|_SERVICE_PORT(_[A-Z0-9_]+)?$|_PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?$/;
const SERVICE_PORT = /^(tcp|udp|sctp):\/\//;

/** The keys that `env` sets, and a problem for each variable that means nothing. An empty one is not set. */
export function readEnvironment(env: NodeJS.ProcessEnv): { layer: TextLayer; problems: readonly Problem[] } {
  const paths = new Map(KEY_PATHS.map((path) => [variableOf(path), path]));
  const layer: { [path in KeyPath]?: string } = {};
  const problems: Problem[] = [];
  for (const [name, value] of Object.entries(env)) {
    if (!name.startsWith("KEYHOLE_") || value === undefined || value === "") continue;
    const path = paths.get(name);
    if (path !== undefined) layer[path] = value;
    else if (!isOther(name, value)) {
      const near = suggest(name, [...paths.keys(), ...OTHERS]);
      problems.push({
        where: name,
        what: "there is no such variable",
        hint: near === null ? `unset it, or see "keyhole run --help"` : `did you mean ${near}?`,
      });
    }
  }
  return { layer, problems };
}

function isOther(name: string, value: string): boolean {
  if ((OTHERS as readonly string[]).includes(name) || SERVICE_LINK.test(name)) return true;
  return name.endsWith("_PORT") && SERVICE_PORT.test(value);
}

/** `layer` as the tree that the schema reads: lists and pairs split at commas. */
export function nest(layer: TextLayer): object {
  const root: { [key: string]: unknown } = {};
  for (const path of KEY_PATHS) {
    const value = layer[path];
    if (value === undefined) continue;
    const steps = path.split(".");
    let node = root;
    for (const step of steps.slice(0, -1)) {
      node[step] ??= {};
      node = node[step] as { [key: string]: unknown };
    }
    node[steps.at(-1)!] = split(value, KEYS[path].many);
  }
  return root;
}

function split(value: string | boolean | readonly string[], many: "list" | "pairs" | undefined): unknown {
  if (many === undefined || typeof value === "boolean") return value;
  const words = (typeof value === "string" ? [value] : value)
    .flatMap((text) => text.split(","))
    .map((word) => word.trim())
    .filter((word) => word !== "");
  if (many === "list") return words;
  return Object.fromEntries(
    words.map((word) => {
      const equals = word.indexOf("=");
      return equals < 0 ? [word, ""] : [word.slice(0, equals), word.slice(equals + 1)];
    }),
  );
}
