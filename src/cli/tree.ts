import { type Command, Option } from "commander";
import { NS_TYPES, type NsType } from "../kernel/links.js";
import { configOf, GLOBAL_KEYS } from "./configuration.js";
import { EXIT_CODES } from "./exits.js";
import { common } from "./output.js";
import { nsTypes, positive, seconds } from "./values.js";

/** As watch(1). */
const WATCH_SECONDS = 2;

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

/** `keyhole tree`. */
export function addTree(root: Command): void {
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
      import("../commands/tree.js"),
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
