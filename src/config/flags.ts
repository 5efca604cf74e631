import { type Command, Option } from "commander";
import type { KeyPath } from "./config.js";
import type { TextLayer } from "./environment.js";
import { KEYS } from "./keys.js";

/** Adds the flags of the configuration keys `paths` to `command`. Their values are checked by the schema. */
export function addFlags(command: Command, paths: readonly KeyPath[]): void {
  for (const path of paths) {
    const { flag, help, many } = KEYS[path];
    const option = new Option(flag, many === undefined ? help : `${help}; repeat it or use commas`);
    if (many !== undefined) {
      option.argParser((value: string, before: readonly string[] | undefined) => [...(before ?? []), value]);
    }
    command.addOption(option);
  }
}

/** The keys that the command line set, by `addFlags` on `command` or on the commands above it. */
export function readFlags(command: Command, paths: readonly KeyPath[]): TextLayer {
  const layer: { [path in KeyPath]?: string | boolean | readonly string[] } = {};
  for (const path of paths) {
    const name = new Option(KEYS[path].flag).attributeName();
    if (command.getOptionValueSourceWithGlobals(name) !== "cli") continue;
    layer[path] = command.optsWithGlobals()[name] as string | boolean | readonly string[];
  }
  return layer;
}
