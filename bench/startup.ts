import { amount, Collected, choose, type Plan, rotated } from "./plan.js";
import type { Report } from "./report.js";
import { Session } from "./session.js";
import { bpftrace, consumer, keyhole, startFloor } from "./tracers.js";

/** From the start of the process to the first system call on its stdout; a call is made each millisecond. */
export async function startup(plan: Plan): Promise<Report> {
  if (plan.profile !== null) throw new Error("startup cannot be profiled: the profiler starts after it");
  const { tracers, notes } = choose(plan, [keyhole(), consumer("poll", "json"), startFloor(), bpftrace()]);
  const [first, said] = [new Collected(), [...notes]];
  for (let round = 0; round < amount(plan, 9, 2); round++) {
    for (const tracer of rotated(tracers, round)) {
      if (said.some((note) => note.includes(tracer.name))) continue;
      try {
        const session = await Session.start(tracer);
        first.add(tracer, session.firstEvent);
        await session.end();
      } catch (error) {
        // the floor is made of the agent's programs and may not fit a newer version of them
        if (tracer.role !== "floor") throw error;
        said.push(`not measured: ${tracer.name}: ${(error as Error).message}`);
      }
    }
  }
  return {
    name: "startup",
    title: "from nothing to the first event",
    quantities: [{ what: "start to first event on stdout", unit: "ms", budget: 600, series: first.series }],
    notes: said,
  };
}
