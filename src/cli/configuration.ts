import type { Command } from "commander";
import type { Config, KeyPath } from "../config/config.js";
import { readFlags } from "../config/flags.js";
import { KEY_PATHS } from "../config/keys.js";
import type { LoadedConfig } from "../config/load.js";

/** Keys that are flags of every command. */
export const GLOBAL_KEYS: readonly KeyPath[] = ["log.level", "color", "host_root"];
export const RUN_KEYS = KEY_PATHS.filter((path) => !GLOBAL_KEYS.includes(path));
/** What can be said about rules beside the configuration file. */
export const RULES_KEYS: readonly KeyPath[] = ["rules.directory", "rules.disable", "rules.severity"];

/** The configuration that a command works with; `paths` are those keys that it has flags for. Rejects as loadConfig(). */
export async function configOf(command: Command, paths: readonly KeyPath[]): Promise<Config> {
  return (await loadedConfig(command, paths)).config;
}

/** The same, with where each value is from. Its warnings have been logged. */
export async function loadedConfig(command: Command, paths: readonly KeyPath[]): Promise<LoadedConfig> {
  const { loadConfig } = await import("../config/load.js");
  const { config: file } = command.optsWithGlobals<{ config?: string }>();
  const flags = readFlags(command, paths);
  const loaded = await loadConfig({ env: process.env, flags, ...(file !== undefined && { file }) });
  if (loaded.warnings.length > 0) {
    const log = (await import("../log.js")).createLogger(loaded.config.log);
    for (const warning of loaded.warnings) log.warn(warning);
  }
  return loaded;
}
