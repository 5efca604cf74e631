import { type Command, Option } from "commander";
import { useColor } from "../config/color.js";
import type { Config } from "../config/config.js";

/** `--output`; the first of the formats is that of a terminal. */
export function outputOption(formats: readonly string[] = ["table", "json"]): Option {
  return new Option("-o, --output <format>", "format of the output").choices(formats).default("table");
}

/** What every command that prints is told. */
export function common<Output extends string = "table" | "json">(command: Command, config: Config) {
  return {
    output: command.opts<{ output: Output }>().output,
    hostRoot: config.host_root,
    color: useColor(config.color, process.stdout, process.env),
  };
}
