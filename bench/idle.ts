import { readFileSync } from "node:fs";
import { amount, Collected, choose, type Plan } from "./plan.js";
import { pause, usage } from "./process.js";
import type { Report } from "./report.js";
import { Session } from "./session.js";
import { bpftrace, consumer, floor, keyhole } from "./tracers.js";

/** CPU of a tracer when nothing happens; all at once, since none of them has anything to do. */
export async function idle(plan: Plan): Promise<Report> {
  const wanted = [keyhole(), consumer("poll", "json"), consumer("timer", "json"), floor(), bpftrace()];
  const { tracers, notes } = choose(plan, wanted);
  const sessions: Session[] = [];
  for (const tracer of tracers) sessions.push(await Session.start(tracer));
  // the first inventory after the last of them has started
  await pause(amount(plan, 6_000, 1_000));
  const cpu = new Collected();
  const [made, from] = [processesMade(), performance.now()];
  const seconds = amount(plan, 20, 6);
  for (let round = 0; round < amount(plan, 3, 1); round++) {
    const before = sessions.map(({ pid }) => usage(pid).cpu);
    const began = performance.now();
    await pause(seconds * 1000);
    const passed = (performance.now() - began) / 1000;
    for (const [index, { pid, tracer }] of sessions.entries()) {
      cpu.add(tracer, (usage(pid).cpu - before[index]!) / 1e6 / passed);
    }
  }
  const births = (processesMade() - made) / ((performance.now() - from) / 1000);
  for (const session of sessions) await session.end();
  return {
    name: "idle",
    title: "nothing happens, an inventory every 5 s",
    quantities: [
      {
        what: `CPU over ${seconds} s`,
        unit: "ms/s",
        budget: 2,
        series: cpu.series,
        note: `others made ${births.toFixed(1)} processes or threads a second meanwhile`,
      },
    ],
    notes,
  };
}

/** Forks since boot: proc_stat(5). */
function processesMade(): number {
  return Number(/^processes (\d+)$/m.exec(readFileSync("/proc/stat", "utf8"))?.[1]);
}
