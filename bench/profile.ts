import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { pause, type ThreadUsage, threadUsage, times } from "./process.js";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const FUNCTIONS = 30;
/** How long the agent may take to write its profile, in milliseconds. */
const PATIENCE_MS = 10_000;

interface Node {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
}

/** What Profiler.stop of the inspector gives. */
interface CpuProfile {
  readonly nodes: readonly Node[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

interface Start {
  readonly threads: readonly ThreadUsage[];
  readonly user: number;
  readonly system: number;
}

/** By pid, of the agents that are being profiled. */
const starts = new Map<number, Start>();
/** Milliseconds of CPU by thread, and in user and kernel mode, over all agents that were profiled. */
const threads = new Map<string, number>();
const modes = { user: 0, system: 0 };

export function profileFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "keyhole-profile-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Starts the profiler in an agent that bench/profiler.js was imported into. */
export async function startProfile(pid: number): Promise<void> {
  process.kill(pid, "SIGUSR2");
  await pause(200);
  starts.set(pid, { threads: threadUsage(pid), ...times(pid) });
}

/** Ends it; resolves when the profile is in `folder`. */
export async function endProfile(pid: number, folder: string): Promise<void> {
  const start = starts.get(pid)!;
  const { user, system } = times(pid);
  modes.user += user - start.user;
  modes.system += system - start.system;
  for (const { tid, name, cpu } of threadUsage(pid)) {
    const before = start.threads.find((thread) => thread.tid === tid)?.cpu ?? 0;
    const role = tid === pid ? "main thread" : `${name} (thread)`;
    threads.set(role, (threads.get(role) ?? 0) + (cpu - before) / 1e6);
  }
  process.kill(pid, "SIGUSR2");
  const file = join(folder, `${pid}.cpuprofile`);
  for (let waited = 0; !existsSync(file); waited += 50) {
    if (waited > PATIENCE_MS) throw new Error("the agent wrote no profile");
    await pause(50);
  }
}

/** Where the time of the profiled agents went, as text: by thread, by folder of the source, by function. */
export function formatProfile(folder: string): string {
  const own = new Map<string, number>();
  for (const name of readdirSync(folder).filter((file) => file.endsWith(".cpuprofile"))) {
    addProfile(JSON.parse(readFileSync(join(folder, name), "utf8")) as CpuProfile, own);
  }
  own.delete("(idle)");
  const total = [...own.values()].reduce((sum, time) => sum + time, 0);
  const stages = new Map<string, number>();
  for (const [where, time] of own) {
    const stage = /\((?:dist|packages|node_modules)\/[^)]*/.exec(where)?.[0].slice(1).split("/");
    const name = stage === undefined ? where : stage.slice(0, 2).join("/").replace(/:\d+$/, "");
    stages.set(name, (stages.get(name) ?? 0) + time);
  }
  const { user, system } = modes;
  return [
    `\nprofile: ${user + system} ms of CPU, ${user} in user and ${system} in kernel mode; by thread, ms`,
    ...ranked(threads, sum(threads), FUNCTIONS),
    `\nJavaScript on the main thread, by folder, ms of ${total.toFixed(0)} that were not idle`,
    ...ranked(stages, total, FUNCTIONS),
    "\nby function, its own time alone, ms",
    ...ranked(own, total, FUNCTIONS),
    "",
  ].join("\n");
}

function addProfile({ nodes, samples, timeDeltas }: CpuProfile, own: Map<string, number>): void {
  const names = new Map(nodes.map((node) => [node.id, nameOf(node)]));
  for (const [index, id] of samples.entries()) {
    const name = names.get(id) ?? "(unknown)";
    // timeDeltas[i] is how long it was from the sample before; microseconds
    own.set(name, (own.get(name) ?? 0) + Math.max(0, timeDeltas[index + 1] ?? 0) / 1000);
  }
}

function nameOf({ callFrame: { functionName, url, lineNumber } }: Node): string {
  if (url === "") return functionName || "(anonymous)";
  const path = url.replace(`file://${ROOT}`, "").replace(/^file:\/\/.*\/(packages|node_modules)\//, "$1/");
  return `${functionName || "(anonymous)"} (${path}:${lineNumber + 1})`;
}

function ranked(times: ReadonlyMap<string, number>, total: number, count: number): string[] {
  return [...times]
    .sort(([, a], [, b]) => b - a)
    .slice(0, count)
    .filter(([, time]) => time >= total / 1000)
    .map(
      ([name, time]) =>
        `${time.toFixed(0).padStart(8)}  ${((100 * time) / total).toFixed(1).padStart(5)} %  ${name}`,
    );
}

function sum(values: ReadonlyMap<string, number>): number {
  return [...values.values()].reduce((total, value) => total + value, 0);
}
