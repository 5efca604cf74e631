import { type Command, Option } from "commander";
import type { ScanOutput } from "../commands/scan.js";
import type { KeyPath } from "../config/config.js";
import { addFlags } from "../config/flags.js";
import { SEVERITIES, type Severity } from "../event.js";
import { configOf, GLOBAL_KEYS } from "./configuration.js";
import { EXIT_CODES } from "./exits.js";
import { common, outputOption } from "./output.js";
import { recordingOf } from "./recording.js";
import { positive } from "./values.js";

const SCAN_KEYS: readonly KeyPath[] = ["rules.directory"];

/** `keyhole scan`. */
export function addScan(root: Command): void {
  const command = root
    .command("scan")
    .description("look once at what running containers can see of the host through /proc")
    .addOption(outputOption(["table", "json", "sarif", "markdown"]))
    .addOption(
      new Option("--fail-on <severity>", "exit with 1 for a finding of this severity or above").choices(
        SEVERITIES,
      ),
    )
    .option("--container <name>", "only this container (id, start of an id, or name), or those of this pod")
    .option("--pid <pid>", "only the container of this process", positive)
    .option("--input <file>", "look at the end of this recording instead of this host")
    .option("--record <file>", "write what is looked at to a recording, that other rules can be asked about")
    .option("--record-overwrite", "replace the file of --record if there is one");
  addFlags(command, SCAN_KEYS);
  command.addHelpText(
    "after",
    `
The score of a container is from 0 to 100: what root inside it could reach of the host.

Examples:
  keyhole scan
  keyhole scan --fail-on high                   for a pipeline: fails on high and critical
  keyhole scan -o json --container 70df0a1b2c3d
  keyhole scan --container shop/web             the containers of a pod
  keyhole scan --input monday.jsonl             what ran when "keyhole run --record" ended
  keyhole scan -o sarif >keyhole.sarif          for tools that collect findings

Exit codes:
  0   done, and no finding reached --fail-on
  1   a finding reached --fail-on${EXIT_CODES}`,
  );
  command.action(async () => {
    const config = await configOf(command, [...GLOBAL_KEYS, ...SCAN_KEYS]);
    const { scan } = await import("../commands/scan.js");
    const { container, pid, failOn, input } = command.opts<{
      container?: string;
      pid?: number;
      failOn?: Severity;
      input?: string;
    }>();
    process.exitCode = await scan({
      ...common<ScanOutput>(command, config),
      failOn: failOn ?? null,
      ...(container !== undefined && { container }),
      ...(pid !== undefined && { pid }),
      ...(input !== undefined && { input }),
      record: recordingOf(command),
      config,
    });
  });
}
