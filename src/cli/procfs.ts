import { type Command, Option } from "commander";
import { configOf, GLOBAL_KEYS } from "./configuration.js";
import { EXIT_CODES } from "./exits.js";
import { common, outputOption } from "./output.js";
import { positive } from "./values.js";

/** `keyhole procfs`. */
export function addProcfs(root: Command): void {
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
    const { procfs } = await import("../commands/procfs.js");
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
