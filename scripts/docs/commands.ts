import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { code } from "./page.js";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** The help of the program and of each of its commands, as they print it. */
export function commands(): string {
  const help = helpOf();
  return [`## ${code("keyhole")}\n\n${block(help)}`, ...sectionsOf(help)].join("\n\n");
}

/** One section for each command that `help` of `above` lists, and for those below it. */
function sectionsOf(help: string, above: readonly string[] = []): string[] {
  const start = help.indexOf("\nCommands:\n");
  if (start < 0) return [];
  const [list] = help.slice(start + 1).split("\n\n");
  const names = [...list!.matchAll(/^ {2}([a-z]+) /gm)]
    .map((match) => match[1]!)
    .filter((name) => name !== "help");
  return names.flatMap((name) => {
    const command = [...above, name];
    const own = helpOf(...command);
    return [`## ${code(`keyhole ${command.join(" ")}`)}\n\n${block(own)}`, ...sectionsOf(own, command)];
  });
}

function block(text: string): string {
  return `\`\`\`text\n${text.trimEnd()}\n\`\`\``;
}

function helpOf(...command: readonly string[]): string {
  const args = ["--import", "tsx", "src/main.ts", ...command, "--help"];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    encoding: "utf8",
    cwd: ROOT,
    env: { PATH: process.env.PATH },
  });
  if (status !== 0) throw new Error(`keyhole ${command.join(" ")} --help ended with ${status}: ${stderr}`);
  return stdout;
}
