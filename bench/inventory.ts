import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { ours } from "./pair.js";
import { amount, Collected, type Plan } from "./plan.js";
import { compileProgram, missingTool } from "./programs.js";
import type { Report, Series } from "./report.js";
import { median } from "./statistics.js";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const READER = fileURLToPath(new URL("inventory/reader.js", import.meta.url));
const FLOOR_PROGRAM = fileURLToPath(new URL("floor/tree.js", import.meta.url));
/** Mounts of each container: its root, its procfs, and what it is given. */
const MOUNTS = 40;
/** For these the budgets are. */
const CONTAINERS = 1_000;
/** Where memory is held against its bound: KiB for each container. */
const MEMORY_KIB = 40;

const KEYHOLE = { name: "keyhole", role: "keyhole" } as const;
const LINKS = { name: "C, reads the links below /proc", role: "reference" } as const;
const MOUNTINFO = { name: "C, reads mountinfo", role: "reference" } as const;
const LSNS = { name: "lsns", role: "reference" } as const;
const FLOOR = { name: "floor: Node, libbpf, one read of the tasks", role: "floor" } as const;
const FINDMNT = { name: "findmnt, once for each namespace", role: "reference" } as const;

/** What reader.js says of its first look, and of a later one. */
interface Look {
  readonly namespaces: number;
  readonly mounts: number;
}
interface FirstLook extends Look {
  readonly bytes: number;
  readonly tables: number;
}

/** A process that answers each line of its input with one of its output. */
class Answering {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(command: readonly string[]) {
    this.#child = ours(spawn(command[0]!, command.slice(1), { stdio: ["pipe", "pipe", "inherit"] }));
    this.#lines = createInterface({ input: this.#child.stdout! })[Symbol.asyncIterator]();
  }

  async line(): Promise<string> {
    const { value, done } = await this.#lines.next();
    if (done === true) throw new Error(`${this.#child.spawnargs.join(" ")} ended early`);
    return value;
  }

  ask(): Promise<string> {
    this.#child.stdin!.write("\n");
    return this.line();
  }

  async end(): Promise<void> {
    const exited = once(this.#child, "exit");
    this.#child.stdin!.end();
    if (this.#child.exitCode === null) await exited;
  }
}

/** Who is in which namespace and what is mounted there, on a node with many containers that no runtime made. */
export async function inventory(plan: Plan): Promise<Report> {
  if (plan.profile !== null) throw new Error("inventory cannot be profiled: it is no agent that runs");
  const main = await measure(plan, amount(plan, CONTAINERS, 50), amount(plan, 5, 1));
  const sizes = plan.quick ? [10, 50] : [10, 100, 1_000, 5_000];
  const curve: string[] = [];
  for (const size of sizes) {
    const at = size === CONTAINERS ? main : await measure(plan, size, amount(plan, 3, 1), "C");
    const of = (found: Collected, who: string = KEYHOLE.name) =>
      median(found.series.find((series) => series.who === who)?.values ?? []);
    const each = (ms: number) => `${show(ms)} ms, ${show((1000 * ms) / size)} us each`;
    curve.push(
      `${size} containers: namespaces ${each(of(at.warm))} (C ${each(of(at.warm, LINKS.name))}); first mount tables ` +
        `${each(of(at.first))} (C ${each(of(at.first, MOUNTINFO.name))}); ${show(of(at.memory))} KiB each`,
    );
  }
  const of = (series: readonly Series[], only?: number) => ({
    unit: "ms",
    series,
    ...(only && { budget: only }),
  });
  return {
    name: "inventory",
    title: `${amount(plan, CONTAINERS, 50)} containers with mnt, pid, uts and ipc namespaces and ${MOUNTS} mounts each`,
    quantities: [
      { what: "who is in which namespace, known before", ...of(main.warm.series, 20) },
      { what: "the same for the first time", ...of(main.cold.series) },
      { what: "every mount table, for the first time", ...of(main.first.series, 300) },
      { what: "the same when one table of a hundred has changed", ...of(main.refresh.series, 50) },
      {
        what: "keyhole tree from the shell",
        ...of(main.tree.series),
        verdict: isFaster(main.tree.series) ? "met" : "missed",
        note: "met: less than lsns takes",
      },
      { what: "memory for each container", unit: "KiB", budget: MEMORY_KIB, series: main.memory.series },
    ],
    notes: [...main.notes, ...curve],
  };
}

function isFaster(series: readonly Series[]): boolean {
  const of = (name: string) => median(series.find(({ who }) => who === name)?.values ?? []);
  return of(KEYHOLE.name) < of(LSNS.name);
}

async function measure(plan: Plan, size: number, rounds: number, references: "all" | "C" = "all") {
  const containers = new Answering([compileProgram("containers"), String(size), String(MOUNTS)]);
  const found = {
    ...{ warm: new Collected(), cold: new Collected(), first: new Collected(), refresh: new Collected() },
    ...{ tree: new Collected(), memory: new Collected(), notes: [] as string[] },
  };
  try {
    await containers.line();
    for (let round = 0; round < rounds; round++) {
      await look(found, containers, size, amount(plan, 10, 2));
      compareWithC(found);
      if (references === "all") compare(found, round);
    }
  } finally {
    await containers.end();
  }
  return found;
}

type Found = Awaited<ReturnType<typeof measure>>;

/** The agent's own code in a process of its own, cold and then warm. */
async function look(found: Found, containers: Answering, size: number, looks: number): Promise<void> {
  const reader = new Answering([process.execPath, "--expose-gc", READER]);
  const first = JSON.parse(await reader.line()) as FirstLook;
  if (first.tables < size) throw new Error(`${first.tables} mount tables of ${size} containers were read`);
  found.cold.add(KEYHOLE, first.namespaces);
  found.first.add(KEYHOLE, first.mounts);
  found.memory.add(KEYHOLE, first.bytes / 1024 / size);
  for (let at = 0; at < looks; at++) {
    await containers.ask();
    const { namespaces, mounts } = JSON.parse(await reader.ask()) as Look;
    found.warm.add(KEYHOLE, namespaces);
    found.refresh.add(KEYHOLE, mounts);
  }
  await reader.end();
}

function compareWithC(found: Found): void {
  const links = timed([compileProgram("procreader"), "links"]);
  const mountinfo = timed([compileProgram("procreader"), "mountinfo"]);
  for (const part of [found.warm, found.cold]) part.add(LINKS, links);
  for (const part of [found.first, found.refresh]) part.add(MOUNTINFO, mountinfo);
}

function compare(found: Found, round: number): void {
  found.tree.add(FLOOR, timed([process.execPath, FLOOR_PROGRAM]));
  found.tree.add(KEYHOLE, timed([process.execPath, `${ROOT}dist/keyhole.js`, "tree"]));
  if (missingTool("lsns")) found.notes.push("not measured: lsns: apt-get install util-linux");
  else {
    const lsns = timed(["lsns"]);
    for (const part of [found.warm, found.cold, found.tree]) part.add(LSNS, lsns);
  }
  if (round === 0 && !missingTool("findmnt")) found.first.add(FINDMNT, timed(["sh", "-c", FINDMNT_LOOP]));
}

/** One process of each mount namespace, as somebody would write it. */
const FINDMNT_LOOP =
  "ls -l /proc/[0-9]*/ns/mnt 2>/dev/null | awk '!seen[$NF]++ { split($(NF-2), path, \"/\"); print path[3] }' | " +
  "while read pid; do findmnt -N $pid; done";

/** Milliseconds that a command takes; what it prints is thrown away. */
function timed(command: readonly string[]): number {
  const began = performance.now();
  const { status, error } = spawnSync(command[0]!, command.slice(1), {
    stdio: ["ignore", "ignore", "ignore"],
  });
  if (error !== undefined || status === null)
    throw new Error(`${command.join(" ")}: ${error?.message ?? "killed"}`);
  return performance.now() - began;
}

function show(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(2);
}
