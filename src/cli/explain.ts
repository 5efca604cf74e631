import { type Command, Option } from "commander";
import type { ListenAddress } from "../config/config.js";
import { addFlags } from "../config/flags.js";
import { configOf, GLOBAL_KEYS, RULES_KEYS } from "./configuration.js";
import { common, outputOption } from "./output.js";
import { address } from "./values.js";

/** `keyhole explain`. */
export function addExplain(root: Command): void {
  const command = root
    .command("explain")
    .description("say why an event or a finding is a finding, or is none; or print the page of a rule")
    .argument("<id>", "seq of an event, id of a finding, or id of a rule")
    .addOption(outputOption())
    .option("--input <file>", "ask this recording instead of the agent")
    .addOption(
      new Option(
        "--address <address>",
        "HOST:PORT at which the agent listens (default: listen of the configuration)",
      ).argParser(address),
    );
  addFlags(command, ["token_file", ...RULES_KEYS]);
  command.addHelpText(
    "after",
    `
Of an event it says which rules were asked, which of them matched, and what became of what they found; of a finding what
was found and when. The agent remembers the last events (websocket.recent) and some thousand decisions.

Examples:
  keyhole explain ns-enter-host                 the page of a rule
  keyhole explain 4711                          why the event with this seq is a finding, or is none
  keyhole explain 2075807f9ecf74e9 -o json
  keyhole explain 4711 --input monday.jsonl     what the rules of today make of it

Exit codes:
  0   done
  1   the agent or the recording does not know it, or not any more
  2   there is no such rule; the recording cannot be read, or not to its end; or the command line or the configuration
      is wrong
  3   no agent answers
  70  a defect of Keyhole`,
  );
  command.action(async (what: string) => {
    const config = await configOf(command, [...GLOBAL_KEYS, "token_file", ...RULES_KEYS]);
    const { explain } = await import("../commands/explain.js");
    const { input, address } = command.opts<{ input?: string; address?: ListenAddress }>();
    process.exitCode = await explain({
      ...common(command, config),
      what,
      ...(input !== undefined && { input }),
      config: { ...config, listen: address ?? config.listen },
    });
  });
}
