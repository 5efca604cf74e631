/**
 * npm run oracle -- COMMAND [ARGUMENT...]: runs a command below strace while an agent watches, and compares thread by
 * thread and in order what both saw of the calls that Keyhole tells.
 */
import { rmSync } from "node:fs";
import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { Agent } from "../kernel/capture/agent.js";
import { describeComparison } from "./compare.js";
import { compileGenerator, ENTRIES, type Entry, generatorCommand } from "./generator.js";
import { AGENT_OPTIONS, observe } from "./observation.js";
import { agreed, summary } from "./report.js";
import { runSuite } from "./suite.js";
import { chooseTools, TOOLS } from "./tools.js";

const EXIT_DIFFERENT = 1;
const EXIT_USAGE = 2;
const EXIT_NOT_STARTED = 3;
/** Milliseconds that a command may take. */
const PATIENCE = 600_000;

interface Options {
  readonly random?: boolean;
  readonly calls: number;
  readonly seed?: number;
  readonly entry: Entry;
  readonly suite?: boolean;
  readonly run?: string;
  readonly agent?: string;
}

const program = new Command("npm run oracle --")
  .description("Compares what strace and Keyhole see of a command, call by call.")
  .argument("[command...]", "the command and its arguments; with --suite the tools that are to run")
  .option("--random", "run the generator of random calls")
  .addOption(new Option("--calls <n>", "calls of the generator").argParser(natural).default(10_000))
  .addOption(
    new Option("--seed <n>", "seed of the generator (default: a new one, which it prints)").argParser(
      natural,
    ),
  )
  .addOption(new Option("--entry <way>", "how its calls enter the kernel").choices(ENTRIES).default("x86_64"))
  .option("--suite", "run the table of tools, each in a Debian root that is made once")
  .option("--run <options>", "options of \"keyhole run\", e.g. '--attach fentry'")
  .option("--agent <file>", "main.js of another build of the agent")
  .passThroughOptions()
  .exitOverride()
  .addHelpText(
    "after",
    `
Examples:
  npm run oracle -- unshare --map-root-user --mount true
  npm run oracle -- sh -c 'mount -t tmpfs none /mnt; umount /mnt'
  npm run oracle -- --random --entry i386 --seed 7
  npm run oracle -- --suite podman lxc

Exit codes:
  0   no difference
  1   calls were missed, extra or different
  2   the command line is wrong
  3   the command, strace or the agent could not start; of a suite: a tool could not run`,
  );

function natural(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value > 0xffffffff)
    throw new InvalidArgumentError("It must be a number below 2^32.");
  return value;
}

function print(line: string): void {
  if (line !== "") process.stdout.write(`${line}\n`);
}

async function withAgent(options: Options, use: (agent: Agent) => Promise<number>): Promise<number> {
  const more = (options.run ?? "").split(" ").filter((word) => word !== "");
  const agent = await Agent.start([...AGENT_OPTIONS, ...more], options.agent);
  try {
    return await use(agent);
  } finally {
    await agent.stop();
  }
}

/** Returns the exit status; of a command that `mustSucceed` a failure shows that it did not do what it was to do. */
async function runCommand(agent: Agent, command: readonly string[], mustSucceed = false): Promise<number> {
  const observation = await observe(agent, command, { output: "inherit", patience: PATIENCE });
  const { started, status } = observation.recording;
  if (!started) throw new Error(`${command[0]} could not be executed`);
  print(describeComparison(observation.comparison));
  print(`oracle: ${summary(observation)}; exit status ${status}`);
  if (!agreed(observation)) return EXIT_DIFFERENT;
  if (mustSucceed && status !== 0) throw new Error(`${command[0]} ended before it had made all calls`);
  return 0;
}

async function runTools(options: Options, names: readonly string[]): Promise<number> {
  const tools = chooseTools(names);
  return withAgent(options, async (agent) => {
    const totals = await runSuite(agent, tools, print);
    print(`oracle: ${totals.agreed} agreed, ${totals.differed} different, ${totals.notCovered} not covered`);
    if (totals.differed > 0) return EXIT_DIFFERENT;
    return totals.notCovered > 0 ? EXIT_NOT_STARTED : 0;
  });
}

async function runGenerator(options: Options): Promise<number> {
  const { path, folder } = compileGenerator(options.entry);
  try {
    return await withAgent(options, (agent) =>
      runCommand(agent, generatorCommand(path, options.calls, options.seed), true),
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function main(): Promise<number> {
  program.parse();
  const options = program.opts<Options>();
  const words = program.args;
  if (options.suite === true) {
    const unknown = words.find((word) => !TOOLS.includes(word));
    if (unknown !== undefined) program.error(`error: ${unknown} is none of ${TOOLS.join(", ")}`);
    return runTools(options, words);
  }
  if (options.random === true && words.length === 0) return runGenerator(options);
  if (words.length === 0 || options.random === true)
    program.error("error: say one of COMMAND, --random and --suite");
  return withAgent(options, (agent) => runCommand(agent, words));
}

try {
  process.exitCode = await main();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : EXIT_USAGE;
  else {
    process.stderr.write(`oracle: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = EXIT_NOT_STARTED;
  }
}
