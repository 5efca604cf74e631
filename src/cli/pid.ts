import type { Command } from "commander";
import { configOf, GLOBAL_KEYS } from "./configuration.js";
import { EXIT_CODES } from "./exits.js";
import { common, outputOption } from "./output.js";

/** `keyhole pid`. */
export function addPid(root: Command): void {
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
    const { pid } = await import("../commands/pid.js");
    const { quiet } = command.opts<{ quiet?: boolean }>();
    process.exitCode = await pid({ ...common(command, config), questions, quiet: quiet === true });
  });
}
