import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { compileProgram as compileTestProgram } from "../test/programs/compile.js";
import { ours } from "./pair.js";
import { amount, Collected, type Plan, rotated } from "./plan.js";
import { compileProgram, programs } from "./programs.js";
import type { Quantity, Report } from "./report.js";

const READER = fileURLToPath(new URL("mount-tables/reader.js", import.meta.url));

/** The ways to read a table; `auto` is the agent's own choice. */
const WAYS = [
  { name: "keyhole", role: "keyhole", via: "auto" },
  { name: "by mountinfo", role: "floor", via: "mountinfo" },
  { name: "by listmount(2) and statmount(2)", role: "reference", via: "statmount" },
] as const;

interface Scene {
  readonly what: string;
  readonly command: readonly string[];
}

/** Microseconds that one mount takes to read, where namespaces are many, large, or large and receive from others. */
export async function mountTables(plan: Plan): Promise<Report> {
  if (plan.profile !== null) throw new Error("mount-tables cannot be profiled: it is no agent that runs");
  const one = compileTestProgram("mounts.c", [], programs().folder);
  const [containers, mounts] = [amount(plan, 200, 20), amount(plan, 3000, 300)];
  const scenes: Scene[] = [
    {
      what: `${containers} containers of 40 mounts`,
      command: [compileProgram("containers"), `${containers}`, "40"],
    },
    { what: `one namespace of ${mounts} mounts`, command: [one, "many", `${mounts}`] },
    { what: `one of ${mounts} that receive from one group`, command: [one, "slaves", `${mounts}`] },
  ];
  const quantities: Quantity[] = [];
  for (const scene of scenes) quantities.push(await measure(plan, scene));
  return {
    name: "mount-tables",
    title: "what a mount takes to read, by both ways that the kernel has",
    quantities,
    notes: ["each value is the second reading of a process: the first one finds the code cold"],
  };
}

async function measure(plan: Plan, { what, command }: Scene): Promise<Quantity> {
  const found = new Collected();
  const world: ChildProcess = ours(
    spawn(command[0]!, command.slice(1), { stdio: ["pipe", "pipe", "inherit"] }),
  );
  try {
    await Promise.race([once(world.stdout!, "data"), once(world, "exit")]);
    if (world.exitCode !== null) throw new Error(`${command.join(" ")} ended early`);
    for (let round = 0; round < amount(plan, 5, 1); round++) {
      for (const way of rotated(WAYS, round)) {
        const { microseconds, reason } = read(way.via, world.pid!);
        if (reason !== null) throw new Error(`${what}, ${way.name}: ${reason}`);
        found.add(way, microseconds);
      }
    }
  } finally {
    const exited = once(world, "exit");
    world.stdin!.end();
    if (world.exitCode === null) await exited;
  }
  return { what, unit: "us for each mount", series: found.series };
}

/** Reads the namespace of `pid`, or those of its descendants, in a process of its own. */
function read(via: string, pid: number): { readonly microseconds: number; readonly reason: string | null } {
  const { stdout, stderr, status } = spawnSync(process.execPath, [READER, via, String(pid)], {
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`reader.js: ${stderr}`);
  return JSON.parse(stdout);
}
