import { readdirSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { formatAddress, isLoopback } from "./address.js";
import { type Config, DEFAULTS, type KeyPath, type Layer } from "./config.js";
import { nest, readEnvironment, type TextLayer } from "./environment.js";
import { type FileLayer, readConfigFile } from "./file.js";
import { flagOf, KEY_PATHS, variableOf } from "./keys.js";
import { configError, type Problem } from "./problem.js";

export const CONFIG_FILE = "/etc/keyhole/keyhole.yaml";
export const DROP_IN_DIRECTORY = "/etc/keyhole/conf.d";
/** Where the user's files of rules are unless another directory is named. */
export const RULES_DIRECTORY = "/etc/keyhole/rules.d";

export interface ConfigSources {
  /** A file named by the user: it must exist, and unless `dir` is given it is the only one. */
  readonly file?: string;
  /** Directory of drop-ins, `*.yaml` in the order of their names. */
  readonly dir?: string;
  readonly env: NodeJS.ProcessEnv;
  readonly flags: TextLayer;
}

export interface LoadedConfig {
  readonly config: Config;
  /** One sentence each, for the log. */
  readonly warnings: readonly string[];
  /** The files that were read, in order. */
  readonly files: readonly string[];
}

/**
 * The configuration: defaults, then the file, its drop-ins, KEYHOLE_* variables and flags, the later ones
 * winning key by key (a list replaces a list; `rules.severity` is merged by rule). Throws one KEYHOLE_CONFIG
 * error with everything that is wrong in any of them.
 */
export async function loadConfig({ file, dir, env, flags }: ConfigSources): Promise<LoadedConfig> {
  const named = file ?? (env.KEYHOLE_CONFIG || undefined);
  const problems: Problem[] = [];
  const files: string[] = [];
  const read: FileLayer[] = [];
  const add = (path: string, layer: FileLayer): void => {
    files.push(path);
    read.push(layer);
  };

  const main = await readConfigFile(named ?? CONFIG_FILE);
  if (main !== null) add(named ?? CONFIG_FILE, main);
  else if (named !== undefined) problems.push(missing(named));
  const drops = dropIns(
    dir ?? (named === undefined ? DROP_IN_DIRECTORY : undefined),
    dir !== undefined,
    problems,
  );
  for (const path of drops) {
    const layer = await readConfigFile(path);
    if (layer !== null) add(path, layer);
  }
  problems.push(...read.flatMap((layer) => layer.problems));

  const variables = readEnvironment(env);
  problems.push(...variables.problems);
  const layers = [
    ...read.map(({ layer }) => layer),
    await check(variables.layer, variableOf, problems),
    await check(flags, flagOf, problems),
  ];
  if (problems.length > 0) throw configError(problems);

  const merged = layers.reduce<Config>((config, layer) => merge(config, layer) as Config, {
    ...DEFAULTS,
    node: env.NODE_NAME || hostname(),
  });
  problems.push(...contradictions(merged));
  if (problems.length > 0) throw configError(problems);
  return { config: merged, warnings: read.flatMap(({ warnings }) => warnings), files };
}

function missing(path: string): Problem {
  return {
    where: path,
    what: "the configuration file does not exist",
    hint: "check --config and KEYHOLE_CONFIG",
  };
}

function dropIns(dir: string | undefined, named: boolean, problems: Problem[]): readonly string[] {
  if (dir === undefined) return [];
  try {
    const names = readdirSync(dir).filter((name) => name.endsWith(".yaml") && !name.startsWith("."));
    return names.sort().map((name) => join(dir, name));
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    if (named || code !== "ENOENT") {
      problems.push({ where: dir, what: "the directory of drop-ins cannot be read", found: code });
    }
    return [];
  }
}

/** Checks text from variables or flags; `nameOf` says what the user called the key. */
async function check(
  layer: TextLayer,
  nameOf: (path: KeyPath) => string,
  problems: Problem[],
): Promise<Layer> {
  if (Object.keys(layer).length === 0) return {};
  const { parseLayer } = await import("./schema.js");
  const result = parseLayer(nest(layer));
  if ("layer" in result) return result.layer;
  for (const { path, expected, found, hint } of result.issues) {
    const name = path.join(".");
    const key = KEY_PATHS.find((one) => name === one || name.startsWith(`${one}.`))!;
    const inner = name.slice(key.length + 1);
    problems.push({
      where: nameOf(key),
      what:
        key.startsWith("rules.severity") && inner !== "" ? `${inner} is not valid` : "the value is not valid",
      expected,
      found,
      ...(hint !== undefined && { hint }),
    });
  }
  return {};
}

function merge(base: unknown, layer: unknown): unknown {
  if (!isSection(base) || !isSection(layer)) return layer;
  const result: { [key: string]: unknown } = { ...base };
  for (const [key, value] of Object.entries(layer)) result[key] = merge(result[key], value);
  return result;
}

function isSection(value: unknown): value is { readonly [key: string]: unknown } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What no single key can be blamed for. */
function contradictions(config: Config): readonly Problem[] {
  const problems: Problem[] = [];
  const { listen, tls } = config;
  if (listen !== null && !isLoopback(listen.host) && config.token_file === null && !config.insecure_listen) {
    problems.push({
      where: "listen",
      what: `others can reach ${formatAddress(listen)}`,
      expected: "token_file, or a loopback address",
      hint: "name a file with a secret in token_file (--token-file), or say insecure_listen (--insecure-listen)",
    });
  }
  if ((tls.cert === null) !== (tls.key === null)) {
    const lacks = tls.cert === null ? "tls.cert" : "tls.key";
    problems.push({ where: lacks, what: "TLS needs both files", expected: "tls.cert and tls.key" });
  }
  return problems;
}
