import { type Command, Option } from "commander";
import { bytes } from "./values.js";

interface RecordFlags {
  readonly record?: string;
  readonly recordOverwrite?: boolean;
  readonly recordMax?: number;
}

/** `--record` and what belongs to it; `what` is what a recording of this command holds. */
export function addRecordFlags(command: Command, what: string): void {
  command
    .option("--record <file>", `write a recording to this file: ${what}`)
    .option("--record-overwrite", "replace the file of --record if there is one")
    .addOption(
      new Option("--record-max <bytes>", "size from which on nothing is recorded, 0: no limit")
        .argParser(bytes)
        .default(1024 ** 3, "1GiB"),
    );
}

/** Where to write a recording; null without `--record`. */
export function recordingOf(command: Command) {
  const { record, recordOverwrite, recordMax } = command.opts<RecordFlags>();
  if (record === undefined) return null;
  return { path: record, overwrite: recordOverwrite === true, maxSize: recordMax ?? 0 };
}
