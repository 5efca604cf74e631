import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { ours } from "./pair.js";
import { amount, Collected, type Plan } from "./plan.js";
import { pause, residentMiB, usage } from "./process.js";
import { compileProgram } from "./programs.js";
import type { Report } from "./report.js";
import { quantile } from "./statistics.js";
import { keyhole } from "./tracers.js";

const RATE = 200;
const KEYHOLE = { name: "keyhole", role: "keyhole" } as const;
/** Until the agent has looked around for the first time, in milliseconds. */
const SETTLE_MS = 2_000;

interface Line {
  readonly type: string;
  readonly state?: string;
  readonly time: string;
  readonly syscall?: string;
  readonly process?: { readonly pid: number };
  readonly count?: number;
}

/** Containers that come and go: how soon their namespaces are known, and what following them costs. */
export async function churn(plan: Plan): Promise<Report> {
  if (plan.profile !== null) throw new Error("churn cannot be profiled: use --profile event");
  const seconds = amount(plan, 60, 5);
  const program = compileProgram("churn", "../../test/programs/");
  const [node = "", ...args] = keyhole().command;
  const agent = ours(spawn(node, args, { stdio: ["ignore", "pipe", "inherit"] }));
  /** When each clone was told, in milliseconds after it returned. */
  const delays = new Map<number, number[]>();
  let [lost, isReady] = [0, false];
  createInterface({ input: agent.stdout! }).on("line", (text) => {
    const { type, state, time, syscall, process: caller, count } = JSON.parse(text) as Line;
    if (type === "agent" && state === "started") isReady = true;
    if (type === "lost") lost += count ?? 0;
    if (syscall !== "clone" || caller === undefined) return;
    const known = delays.get(caller.pid) ?? [];
    known.push(Date.now() - Date.parse(time));
    delays.set(caller.pid, known);
  });
  while (!isReady) await pause(20);
  await pause(SETTLE_MS);
  const pid = agent.pid!;
  const [cpu, memory] = [usage(pid).cpu, residentMiB(pid)];
  const maker = ours(spawn(program, [String(RATE), String(seconds * 1_000)], { stdio: "ignore" }));
  await once(maker, "exit");
  const spent = (usage(pid).cpu - cpu) / 1e6;
  await pause(SETTLE_MS);
  const own = delays.get(maker.pid!) ?? [];
  const grown = residentMiB(pid) - memory;
  agent.kill("SIGTERM");
  await once(agent, "exit");
  const of = (value: number) => {
    const collected = new Collected();
    collected.add(KEYHOLE, value);
    return collected.series;
  };
  return {
    name: "churn",
    title: `${RATE} containers a second come and go, for ${seconds} s`,
    quantities: [
      {
        what: "from a clone's return until its namespaces are told, half of them within",
        unit: "ms",
        series: of(quantile(own, 0.5)),
      },
      { what: "the same, all of them within", unit: "ms", budget: 100, series: of(quantile(own, 1)) },
      {
        what: "containers that were not told",
        unit: "containers",
        budget: 0,
        series: of(RATE * seconds - own.length),
      },
      { what: "events lost", unit: "events", budget: 0, series: of(lost) },
      { what: "CPU of the agent", unit: "ms for each second", series: of(spent / seconds) },
      { what: "growth of its resident memory", unit: "MiB", series: of(grown) },
    ],
    notes: [],
  };
}
