#!/usr/bin/env node
import { writeSync } from "node:fs";
import {
  Command,
  CommanderError,
  type Command as CommandType,
  InvalidArgumentError,
  Option,
} from "commander";
import type { ReplayOutput } from "./commands/replay.js";
import type { ScanOutput } from "./commands/scan.js";
import { parseAddress } from "./config/address.js";
import { useColor } from "./config/color.js";
import type { Config, KeyPath, ListenAddress } from "./config/config.js";
import { addFlags, readFlags } from "./config/flags.js";
import { KEY_PATHS } from "./config/keys.js";
import type { LoadedConfig } from "./config/load.js";
import { parseBytes } from "./config/quantity.js";
import { version } from "./config/version.js";
import { describeError, KeyholeError } from "./errors.js";
import { SEVERITIES, type Severity } from "./event.js";
import { NS_TYPES, type NsType } from "./kernel/links.js";

/** The command line: parses it, loads the configuration and hands over to one command. */

/** Exit status for a command line or configuration that cannot be followed. */
const EXIT_USAGE = 2;
/** EX_SOFTWARE of sysexits.h: a defect of Keyhole itself. */
const EXIT_DEFECT = 70;

/** As watch(1). */
const WATCH_SECONDS = 2;

const GLOBAL_KEYS: readonly KeyPath[] = ["log.level", "color", "host_root"];
const RUN_KEYS = KEY_PATHS.filter((path) => !GLOBAL_KEYS.includes(path));

const SCAN_KEYS: readonly KeyPath[] = ["rules.directory"];
/** What can be said about rules beside the configuration file. */
const RULES_KEYS: readonly KeyPath[] = ["rules.directory", "rules.disable", "rules.severity"];

const EXIT_CODES = `
  2   the command line or the configuration is wrong
  3   this system lacks something that is needed
  70  a defect of Keyhole`;

function program(): CommandType {
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
  const adders = [
    ...[addRun, addReplay, addExplain, addScan, addTree, addPid, addProcfs, addRules, addDoctor],
  ];
  for (const add of adders) add(root);
  return root.addHelpText("after", "\nA command's own help: keyhole COMMAND --help");
}

function addRun(root: CommandType): void {
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
    const { run } = await import("./commands/run.js");
    process.exitCode = await run(loaded, load, recordingOf(command));
  });
}

function addReplay(root: CommandType): void {
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
    const { replay } = await import("./commands/replay.js");
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

function addExplain(root: CommandType): void {
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
    const { explain } = await import("./commands/explain.js");
    const { input, address } = command.opts<{ input?: string; address?: ListenAddress }>();
    process.exitCode = await explain({
      ...common(command, config),
      what,
      ...(input !== undefined && { input }),
      config: { ...config, listen: address ?? config.listen },
    });
  });
}

function addScan(root: CommandType): void {
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
    const { scan } = await import("./commands/scan.js");
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

function addTree(root: CommandType): void {
  const command = root
    .command("tree")
    .description("print the namespaces of this host as a tree, with who is in them and what else holds them")
    .addOption(
      new Option("-o, --output <format>", "format of the output")
        .choices(["table", "json", "dot", "mermaid"])
        .default("table"),
    )
    .option("--type <types>", `only these types: ${NS_TYPES.join(", ")}; commas between them`, nsTypes)
    .option("--pid <pid>", "only the namespaces that this process is in, and those above them", positive)
    .option(
      "--container <name>",
      "only those of this container (id or the start of it, or name) or pod (uid or name), and those above",
    )
    .option(
      "--filter <condition>",
      "only those of which this is true: CEL over the columns, in small letters with _ for -",
    )
    .option("--columns <list>", "columns by name, commas between them; +LIST adds to the usual ones")
    .option("-n, --noheadings", "leave out the names of the columns")
    .option("-l, --list", "one below the other instead of a tree")
    .option("--watch [seconds]", "look again and again, and show what changed (default 2)", seconds)
    .addOption(
      new Option("--by <relation>", "what a namespace hangs below").choices(["owner", "parent", "process"]),
    )
    .addHelpText(
      "after",
      `
Columns, with those of lsns named as there:
  NS TYPE NPROCS PID PPID UID USER PNS ONS PATH COMMAND NSFS
  ID LEVEL OWNER-UID HOST INIT CONTAINER POD FDS BINDS PROCFS FIRST-SEEN

Where a column is not known it is null in --filter, and what compares it with anything else is not true.
string.glob("a*") is there, matches() is not.

Examples:
  keyhole tree                                  all namespaces below the user namespace that owns them
  keyhole tree --type pid,user --by parent
  keyhole tree --type mnt -o json
  keyhole tree --filter 'nprocs == 0'           what only a descriptor or a mount holds
  keyhole tree --container 70df --columns +CONTAINER,PATH
  keyhole tree --type net --watch --columns NS,PID,COMMAND | tee changes
  keyhole tree --type user -o dot | dot -Tsvg >users.svg

Exit codes:
  0   done; a watch was ended by SIGINT or SIGTERM${EXIT_CODES}`,
    );
  command.action(async () => {
    const [config, { tree }] = await Promise.all([
      configOf(command, GLOBAL_KEYS),
      import("./commands/tree.js"),
    ]);
    const { watch, noheadings, output, ...selected } = command.opts<TreeFlags>();
    process.exitCode = await tree({
      ...common(command, config),
      ...selected,
      output,
      noHeader: noheadings === true,
      ...(watch !== undefined && { watch: watch === true ? WATCH_SECONDS : watch }),
    });
  });
}

interface TreeFlags {
  readonly output: "table" | "json" | "dot" | "mermaid";
  readonly type?: NsType[];
  readonly by?: "owner" | "parent" | "process";
  readonly pid?: number;
  readonly container?: string;
  readonly filter?: string;
  readonly columns?: string;
  readonly list?: boolean;
  readonly noheadings?: boolean;
  readonly watch?: number | true;
}

function addPid(root: CommandType): void {
  const command = root
    .command("pid")
    .description("say which process a pid of a container is, and which pid a process has in its containers")
    .argument("<pid...>", "PID or TID of this host, or PID@NAMESPACE")
    .addOption(outputOption())
    .option(
      "-q, --quiet",
      "print only the number that was asked for: that in the innermost pid namespace, or the host's",
    )
    .addHelpText(
      "after",
      `
NAMESPACE is one of
  4026532570, pid:[4026532570]   the inode number of a pid namespace, as in /proc/PID/ns/pid and lsns
  1873                           its id, as "keyhole tree" shows it (Linux 6.18 and later)
  70df0a1b2c3d                   the id of a container, or the beginning of one
  5c0a3a11-…                     a pod by its uid, which means all of its containers
  web, shop/web, shop/web/app    a container or a pod by its name, where that is known
  @812                           that of process 812

Examples:
  keyhole pid 812                               its pids, uids and gids, from the innermost namespace to the host
  keyhole pid 37@70df0a1b2c3d 1@@812            processes of containers; the second is the init of that of 812
  kill "$(keyhole pid -q 37@70df)"
  keyhole pid -o json 812 | jq '.processes[0].pid_namespaces[].pid'

Exit codes:
  0   all were found
  1   one was not: no such process or namespace, more than one, or it may not be looked at; the others are printed${EXIT_CODES}`,
    );
  command.action(async (questions: string[]) => {
    const config = await configOf(command, GLOBAL_KEYS);
    const { pid } = await import("./commands/pid.js");
    const { quiet } = command.opts<{ quiet?: boolean }>();
    process.exitCode = await pid({ ...common(command, config), questions, quiet: quiet === true });
  });
}

function addProcfs(root: CommandType): void {
  const command = root
    .command("procfs")
    .description("print every procfs instance of this host, where it is mounted, and who can see it")
    .addOption(outputOption())
    .option("--no-header", "leave out the line with the columns' names")
    .option(
      "--container <name>",
      "only what this container (id, start of an id, or name), or those of this pod, can see or hold",
    )
    .option("--pid <pid>", "only what this process can see or hold", positive)
    .option("--reach", "what the container can read and write there; of all containers how much")
    .addOption(
      new Option(
        "--as <subject>",
        "whose credentials --reach judges: the first process's, or root's in the container",
      )
        .choices(["task", "root"])
        .default("task"),
    )
    .addHelpText(
      "after",
      `
Examples:
  keyhole procfs                                instances, their mounts, and who is there
  keyhole procfs --container 70df0a1b2c3d
  keyhole procfs --reach                        how severe what each container can reach is
  keyhole procfs --reach --container 70df       what one can read and write, the most severe first
  keyhole procfs -o json | jq '.instances[] | select(.private)'

Exit codes:
  0   done${EXIT_CODES}`,
    );
  command.action(async () => {
    const config = await configOf(command, GLOBAL_KEYS);
    const { procfs } = await import("./commands/procfs.js");
    const { container, pid, reach, as, header } = command.opts<{
      container?: string;
      pid?: number;
      reach?: boolean;
      as: "task" | "root";
      header: boolean;
    }>();
    process.exitCode = await procfs({
      ...common(command, config),
      noHeader: !header,
      reach: reach === true,
      as,
      ...(container !== undefined && { container }),
      ...(pid !== undefined && { pid }),
    });
  });
}

function addRules(root: CommandType): void {
  const rules = root
    .command("rules")
    .description("list, check, test and describe the rules, of Keyhole and of your files")
    .addHelpText(
      "after",
      `
Examples:
  keyhole rules list                            every rule, and whether this node has what it needs
  keyhole rules check /etc/keyhole/rules.d      before the agent reads them
  keyhole rules test rules.d                    the tests that stand beside the rules
  keyhole rules fields | grep file              what a condition can name`,
    );
  const add = (name: string, description: string, codes: string): CommandType => {
    const command = rules.command(name).description(description);
    addFlags(command, RULES_KEYS);
    const rest = EXIT_CODES.replace("the command line", "a file of rules has problems, or the command line");
    return command.addHelpText("after", `\nExit codes:\n${codes}${rest}`);
  };
  const done = "  0   done";
  const list = add("list", "print every rule and its state", done).addOption(outputOption());
  list.action(async () => {
    const config = await configOf(list, [...GLOBAL_KEYS, ...RULES_KEYS]);
    const { listRules } = await import("./commands/rules-list.js");
    process.exitCode = listRules({ config, ...common(list, config) });
  });
  const check = add("check", "say all that is wrong with files of rules", done).argument(
    "[directory...]",
    "directories of files of rules (default the configured one)",
  );
  check.action(async (directories: string[]) => {
    const config = await configOf(check, [...GLOBAL_KEYS, ...RULES_KEYS]);
    const { checkRules } = await import("./commands/rules.js");
    process.exitCode = checkRules(directories, { config });
  });
  const test = add(
    "test",
    "run the tests that stand beside rules and exceptions",
    "  0   all passed\n  1   one failed",
  ).argument("[directory...]", "directories of files of rules (default all rules that there are)");
  test.action(async (directories: string[]) => {
    const config = await configOf(test, [...GLOBAL_KEYS, ...RULES_KEYS]);
    const { testRules } = await import("./commands/rules.js");
    process.exitCode = testRules(directories, { config });
  });
  const docs = add("docs", "print all rules and exceptions as Markdown", done);
  docs.action(async () => {
    const config = await configOf(docs, [...GLOBAL_KEYS, ...RULES_KEYS]);
    const { documentRules } = await import("./commands/rules.js");
    process.exitCode = documentRules({ config });
  });
  const fields = rules
    .command("fields")
    .description("print the fields that conditions, exceptions, evidence and tests can name")
    .addOption(outputOption());
  fields.action(async () => {
    const { listFields } = await import("./commands/rules.js");
    process.exitCode = listFields(fields.opts<{ output: "table" | "json" }>().output);
  });
}

function addDoctor(root: CommandType): void {
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
    const { doctor } = await import("./commands/doctor.js");
    process.exitCode = await doctor(common(command, config));
  });
}

interface RecordFlags {
  readonly record?: string;
  readonly recordOverwrite?: boolean;
  readonly recordMax?: number;
}

function addRecordFlags(command: CommandType, what: string): void {
  command
    .option("--record <file>", `write a recording to this file: ${what}`)
    .option("--record-overwrite", "replace the file of --record if there is one")
    .addOption(
      new Option("--record-max <bytes>", "size from which on nothing is recorded, 0: no limit")
        .argParser(bytes)
        .default(1024 ** 3, "1GiB"),
    );
}

function recordingOf(command: CommandType) {
  const { record, recordOverwrite, recordMax } = command.opts<RecordFlags>();
  if (record === undefined) return null;
  return { path: record, overwrite: recordOverwrite === true, maxSize: recordMax ?? 0 };
}

function outputOption(formats: readonly string[] = ["table", "json"]): Option {
  return new Option("-o, --output <format>", "format of the output").choices(formats).default("table");
}

function common<Output extends string = "table" | "json">(command: CommandType, config: Config) {
  return {
    output: command.opts<{ output: Output }>().output,
    hostRoot: config.host_root,
    color: useColor(config.color, process.stdout, process.env),
  };
}

async function configOf(command: CommandType, paths: readonly KeyPath[]): Promise<Config> {
  return (await loadedConfig(command, paths)).config;
}

async function loadedConfig(command: CommandType, paths: readonly KeyPath[]): Promise<LoadedConfig> {
  const { loadConfig } = await import("./config/load.js");
  const { config: file } = command.optsWithGlobals<{ config?: string }>();
  const flags = readFlags(command, paths);
  const loaded = await loadConfig({ env: process.env, flags, ...(file !== undefined && { file }) });
  if (loaded.warnings.length > 0) {
    const log = (await import("./log.js")).createLogger(loaded.config.log);
    for (const warning of loaded.warnings) log.warn(warning);
  }
  return loaded;
}

function positive(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1 || value > 2 ** 22) {
    throw new InvalidArgumentError("It must be a process id from 1 to 4194304.");
  }
  return value;
}

function address(text: string): ListenAddress {
  const value = parseAddress(text);
  if (value === undefined)
    throw new InvalidArgumentError("It must be HOST:PORT, the host an IP address or localhost.");
  return value;
}

function bytes(text: string): number {
  const value = parseBytes(text);
  if (value === undefined)
    throw new InvalidArgumentError("It must be a number of bytes, as 100000 or 512MiB.");
  return value;
}

function seconds(text: string): number {
  const value = Number(text);
  if (!/^\d+(\.\d+)?$/.test(text) || value < 0.1 || value > 86_400) {
    throw new InvalidArgumentError("It must be a number of seconds from 0.1 to 86400.");
  }
  return value;
}

function nsTypes(text: string): NsType[] {
  return text.split(",").map((word) => {
    const type = NS_TYPES.find((one) => one === word.trim());
    if (type === undefined) throw new InvalidArgumentError(`Allowed types are ${NS_TYPES.join(", ")}.`);
    return type;
  });
}

/** The one place where an error becomes a message and an exit status. Never prints a stack by itself. */
function fail(error: unknown): never {
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

process.on("uncaughtException", fail);
process.on("unhandledRejection", fail);
const cli = program();
if (process.argv.length <= 2) {
  cli.outputHelp({ error: true });
  process.exit(EXIT_USAGE);
}
await cli.parseAsync(process.argv).catch(fail);
