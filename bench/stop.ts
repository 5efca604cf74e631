import { amount, Collected, choose, type Plan, rotated } from "./plan.js";
import { pause } from "./process.js";
import type { Report } from "./report.js";
import { Session } from "./session.js";
import { bpftrace, consumer, floor, keyhole } from "./tracers.js";
import { callForever } from "./workload.js";

/** How long the flood has lasted when the signal comes, in milliseconds. */
const FLOOD_MS = 300;

/** From the signal to the end of the process, when nothing happens and in the middle of a flood. */
export async function stop(plan: Plan): Promise<Report> {
  if (plan.profile !== null) throw new Error("stop cannot be profiled: the profile is written before it");
  const { tracers, notes } = choose(plan, [keyhole(), consumer("poll", "json"), floor(), bpftrace()]);
  const [idle, flooded, failing] = [new Collected(), new Collected(), new Collected()];
  for (let round = 0; round < amount(plan, 5, 1); round++) {
    for (const tracer of rotated(tracers, round)) {
      idle.add(tracer, await (await Session.start(tracer)).end());
      flooded.add(tracer, await inFlood(tracer, "uts"));
      failing.add(tracer, await inFlood(tracer, "setns"));
    }
  }
  const quantity = (what: string, { series }: Collected) => ({ what, unit: "ms", budget: 1000, series });
  return {
    name: "stop",
    title: "SIGTERM to exit (SIGINT for bpftrace)",
    quantities: [
      quantity("when nothing happens", idle),
      quantity("in a flood of setns(2) that succeed", flooded),
      quantity("in a flood of setns(-1, 0)", failing),
    ],
    notes,
  };
}

async function inFlood(tracer: Parameters<typeof Session.start>[0], what: "uts" | "setns"): Promise<number> {
  const session = await Session.start(tracer);
  const flood = callForever(what, 0);
  try {
    await pause(FLOOD_MS);
    return await session.end();
  } finally {
    await flood.end();
  }
}
