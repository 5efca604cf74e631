import { writeSync } from "node:fs";
import { CommanderError } from "commander";
import { describeError, KeyholeError } from "../errors.js";
import { EXIT_DEFECT, EXIT_USAGE } from "./exits.js";

/** The one place where an error becomes a message and an exit status. Never prints a stack by itself. */
export function fail(error: unknown): never {
  if (error instanceof CommanderError) process.exit(error.exitCode === 0 ? 0 : EXIT_USAGE);
  if (error instanceof KeyholeError) {
    report(describeError(error));
    if (debugging() && error.cause !== undefined) report(stackOf(error.cause));
    process.exit(error.exitCode);
  }
  // The reader of a pipe has gone, as with "keyhole tree | head": it has what it wanted.
  if ((error as NodeJS.ErrnoException | null)?.code === "EPIPE") process.exit(0);
  const [message] = (error instanceof Error ? error.message : String(error)).split("\n");
  report(`keyhole: defect: ${message}`);
  report(
    debugging()
      ? stackOf(error)
      : "  do:       run it again with --log-level debug for the stack, and report it",
  );
  process.exit(EXIT_DEFECT);
}

function report(text: string): void {
  try {
    writeSync(2, `${text}\n`);
  } catch {
    // Without a stderr the exit status is all that can be said.
  }
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** Read from the raw arguments: the error may have come before they were parsed. */
function debugging(): boolean {
  return /--log-level[= ]debug\b/.test(process.argv.join(" ")) || process.env.KEYHOLE_LOG_LEVEL === "debug";
}
