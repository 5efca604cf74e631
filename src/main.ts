#!/usr/bin/env node
import { Command } from "commander";
import { GLOBAL_KEYS } from "./cli/configuration.js";
import { addDoctor } from "./cli/doctor.js";
import { EXIT_USAGE } from "./cli/exits.js";
import { addExplain } from "./cli/explain.js";
import { fail } from "./cli/failure.js";
import { addPid } from "./cli/pid.js";
import { addProcfs } from "./cli/procfs.js";
import { addReplay } from "./cli/replay.js";
import { addRules } from "./cli/rules.js";
import { addRun } from "./cli/run.js";
import { addScan } from "./cli/scan.js";
import { addTree } from "./cli/tree.js";
import { addFlags } from "./config/flags.js";
import { version } from "./config/version.js";

/**
 * The command line: a file of cli/ has a command's flags and help, loads the configuration and hands over to commands/.
 */

/** In the order of the help. */
const COMMANDS = [
  ...[addRun, addReplay, addExplain, addScan, addTree, addPid, addProcfs, addRules, addDoctor],
];

function program(): Command {
  const root = new Command("keyhole")
    .description("Watches namespace crossings, mount changes and procfs exposures of a Linux container host.")
    .version(version(), "-V, --version", "print the version")
    .option("-c, --config <file>", "configuration file (default /etc/keyhole/keyhole.yaml if it exists)")
    .exitOverride()
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      outputError: (text, write) => write(text.replace(/^error: /, "keyhole: ")),
    });
  addFlags(root, GLOBAL_KEYS);
  for (const add of COMMANDS) add(root);
  return root.addHelpText("after", "\nA command's own help: keyhole COMMAND --help");
}

process.on("uncaughtException", fail);
process.on("unhandledRejection", fail);
const cli = program();
if (process.argv.length <= 2) {
  cli.outputHelp({ error: true });
  process.exit(EXIT_USAGE);
}
await cli.parseAsync(process.argv).catch(fail);
