import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./manifests.js";

export interface Instruction {
  readonly name: string;
  readonly words: readonly string[];
  readonly text: string;
}

/** The instructions of each stage of the Dockerfile, comments and line continuations taken out. */
export function readStages(): Instruction[][] {
  return readFileSync(join(ROOT, "Dockerfile"), "utf8")
    .split("\n")
    .filter((line) => !line.startsWith("#"))
    .join("\n")
    .replaceAll("\\\n", " ")
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line): Instruction => {
      const [name, ...words] = line.trim().split(/\s+/);
      return { name: name!, words, text: line.trim().slice(name!.length).trim() };
    })
    .reduce<Instruction[][]>((list, instruction) => {
      if (instruction.name === "FROM") list.push([]);
      list.at(-1)!.push(instruction);
      return list;
    }, []);
}
