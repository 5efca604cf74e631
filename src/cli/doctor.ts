import type { Command } from "commander";
import { configOf, GLOBAL_KEYS } from "./configuration.js";
import { common, outputOption } from "./output.js";

/** `keyhole doctor`. */
export function addDoctor(root: Command): void {
  const command = root
    .command("doctor")
    .description("say what works on this system, what does not, and what to do about it")
    .addOption(outputOption())
    .addHelpText(
      "after",
      `
Examples:
  keyhole doctor
  keyhole doctor -o json --host-root /host

Exit codes:
  0   "keyhole run" can work here, and nothing is lacking
  1   "keyhole run" can work here, with less
  2   "keyhole run" cannot work here; or the command line or the configuration is wrong
  70  a defect of Keyhole`,
    );
  command.action(async () => {
    const config = await configOf(command, GLOBAL_KEYS);
    const { doctor } = await import("../commands/doctor.js");
    process.exitCode = await doctor(common(command, config));
  });
}
