/**
 * npm run test:benign -- [--cycles N] [TOOL...]: runs what container hosts do all day while an agent with all its rules
 * watches, and fails for every finding of high or above.
 */

import { setTimeout } from "node:timers/promises";
import { Command, CommanderError, InvalidArgumentError } from "commander";
import { Agent } from "../kernel/capture/agent.js";
import { RUNC_SCENARIOS } from "./runc.js";
import { BenignSuite, type Printer } from "./suite.js";
import { allScenarios } from "./tools.js";

const EXIT_TOLD = 1;
const EXIT_USAGE = 2;
const EXIT_NOT_COVERED = 3;
/** Until what ran before has been looked at, in milliseconds. */
const SETTLED_MS = 3_000;
const RUNC = "runc";

const program = new Command("npm run test:benign --")
  .description(
    "Runs benign work of a container host before an agent with all rules, which must not tell of it.",
  )
  .argument("[tool...]", "those to run (default: all)")
  .option("--cycles <n>", "containers that runc starts, enters and ends", natural, 500)
  .option("--ignore <glob...>", "ids of containers of other work that goes on here meanwhile")
  .exitOverride()
  .addHelpText(
    "after",
    `
Exit codes:
  0   no finding of high or above
  1   there were some; they are printed
  2   the command line is wrong
  3   none, but something could not be run, or the agent did not start`,
  );

function natural(text: string): number {
  if (!/^[1-9]\d{0,6}$/.test(text)) throw new InvalidArgumentError("It must be a number above 0.");
  return Number(text);
}

const isTerminal = process.stderr.isTTY === true;
let lastProgress = 0;

const printer: Printer = {
  line: (text) => {
    if (isTerminal) process.stderr.write("\r\x1b[K");
    process.stdout.write(`${text}\n`);
  },
  progress: (text) => {
    if (isTerminal) process.stderr.write(`\r\x1b[K${text}`);
    else if (performance.now() - lastProgress > 10_000) {
      lastProgress = performance.now();
      process.stderr.write(`${text}\n`);
    }
  },
};

async function main(): Promise<number> {
  program.parse();
  const { cycles, ignore } = program.opts<{ readonly cycles: number; readonly ignore?: readonly string[] }>();
  const scenarios = allScenarios();
  const names = [RUNC, ...scenarios.map(({ tool }) => tool)];
  const wanted = program.args.length === 0 ? names : program.args;
  const unknown = wanted.find((name) => !names.includes(name));
  if (unknown !== undefined) program.error(`error: ${unknown} is none of ${names.join(", ")}`);
  const agent = await Agent.start(["--inventory-interval", "1s"]);
  try {
    await setTimeout(SETTLED_MS);
    const suite = new BenignSuite(agent, printer, ignore);
    if (suite.leftOut > 0)
      printer.line(`left out: ${suite.leftOut} subjects of findings that were there before`);
    if (wanted.includes(RUNC)) await suite.runc(RUNC_SCENARIOS, cycles);
    for (const scenario of scenarios) if (wanted.includes(scenario.tool)) await suite.tool(scenario);
    const { silent, loud, notCovered } = suite.totals;
    const counts = [...suite.counts].sort().map(([what, count]) => `  ${String(count).padStart(5)}  ${what}`);
    if (counts.length > 0) printer.line(`findings of any severity:\n${counts.join("\n")}`);
    printer.line(`benign: ${silent} silent, ${loud} told, ${notCovered} not covered`);
    if (loud > 0) return EXIT_TOLD;
    return notCovered > 0 ? EXIT_NOT_COVERED : 0;
  } finally {
    await agent.stop();
  }
}

try {
  process.exitCode = await main();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : EXIT_USAGE;
  else {
    process.stderr.write(`benign: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = EXIT_NOT_COVERED;
  }
}
