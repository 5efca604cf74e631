import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { code } from "./page.js";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** The help of the program and of each of its commands, as they print it. */
export function commands(): string {
  const help = helpOf();
  const list = help.slice(help.indexOf("\nCommands:\n"));
  const names = [...list.matchAll(/^ {2}([a-z]+) /gm)]
    .map((match) => match[1]!)
    .filter((name) => name !== "help");
  const sections = names.map((name) => `## ${code(`keyhole ${name}`)}\n\n${block(helpOf(name))}`);
  return [`## ${code("keyhole")}\n\n${block(help)}`, ...sections].join("\n\n");
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
