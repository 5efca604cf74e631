import type { Command } from "commander";
import type { ReplayOutput } from "../commands/replay.js";
import { addFlags } from "../config/flags.js";
import { configOf, GLOBAL_KEYS, RULES_KEYS } from "./configuration.js";
import { common, outputOption } from "./output.js";

/** `keyhole replay`. */
export function addReplay(root: Command): void {
  const command = root
    .command("replay")
    .description("tell the events of a recording again, and what the rules of today find in it")
    .argument("<file>", 'a recording: see "keyhole run --record"')
    .addOption(outputOption(["table", "text", "json"]))
    .option("--diff", "print only what is new, gone or changed against the findings of the recording")
    .option("--fail-on-change", "exit with 1 when a finding is new, gone or changed");
  addFlags(command, RULES_KEYS);
  command.addHelpText(
    "after",
    `
With -o table the findings are printed, with text and json every event, as "keyhole run" does; a summary follows, on
stderr with text and json. What the recording does not have, because no rule asked for it then, is null.

Examples:
  keyhole replay monday.jsonl
  keyhole replay monday.jsonl -o json | jq 'select(.type == "finding")'
  keyhole replay monday.jsonl --diff --fail-on-change --disable-rule proc-default-gaps

Exit codes:
  0   done
  1   --fail-on-change, and a finding is new, gone or changed
  2   the recording cannot be replayed, or not to its end; what comes before is; or the command line or the
      configuration is wrong
  70  a defect of Keyhole`,
  );
  command.action(async (file: string) => {
    const config = await configOf(command, [...GLOBAL_KEYS, ...RULES_KEYS]);
    const { replay } = await import("../commands/replay.js");
    const { diff, failOnChange } = command.opts<{ diff?: boolean; failOnChange?: boolean }>();
    process.exitCode = await replay({
      ...common<ReplayOutput>(command, config),
      file,
      config,
      diff: diff === true,
      failOnChange: failOnChange === true,
    });
  });
}
