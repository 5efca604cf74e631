import type { Command } from "commander";
import { addFlags } from "../config/flags.js";
import { GLOBAL_KEYS, loadedConfig, RUN_KEYS } from "./configuration.js";
import { EXIT_CODES } from "./exits.js";
import { addRecordFlags, recordingOf } from "./recording.js";

/** `keyhole run`. */
export function addRun(root: Command): void {
  const command = root.command("run").description("report events as they happen, until a signal ends it");
  addFlags(command, RUN_KEYS);
  addRecordFlags(command, "every event, and all that the rules are told");
  command.addHelpText(
    "after",
    `
Each flag is also a key of the configuration file and a variable: --ring-size is ring.size and KEYHOLE_RING_SIZE.

Examples:
  keyhole run                                   events as text on a terminal, as JSON lines elsewhere
  keyhole run -o json --listen off | jq .       events only, no server
  keyhole run -o none --token-file /run/token --listen 10.0.0.5:9917
  keyhole run --filter-uid 0 --exclude-cgroup /system.slice
  keyhole run -o none --record /var/lib/keyhole/monday.jsonl

A recording is what "keyhole replay", "keyhole scan --input" and "keyhole explain --input" read.

SIGHUP, and a change of a file of the configuration, make it read configuration and rules again. What is wrong with
them is logged, and what was used before stays.

Exit codes:
  0   ended by SIGINT or SIGTERM, or the reader of stdout has gone${EXIT_CODES}`,
  );
  command.action(async () => {
    const load = () => loadedConfig(command, [...GLOBAL_KEYS, ...RUN_KEYS]);
    const loaded = await load();
    const { run } = await import("../commands/run.js");
    process.exitCode = await run(loaded, load, recordingOf(command));
  });
}
