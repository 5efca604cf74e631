import { amount, Collected, choose, type Plan, rotated } from "./plan.js";
import { pause, usage } from "./process.js";
import type { Report } from "./report.js";
import { Session } from "./session.js";
import { bpftrace, consumer, floor, keyhole } from "./tracers.js";
import { call } from "./workload.js";

const RATE = 10_000;

/** How often the threads of a tracer go to sleep and wake up again. */
export async function wakeups(plan: Plan): Promise<Report> {
  const wanted = [keyhole(), consumer("poll", "json"), consumer("timer", "json"), floor(), bpftrace()];
  const { tracers, notes } = choose(plan, wanted);
  const [busy, forced, idle] = [new Collected(), new Collected(), new Collected()];
  const seconds = amount(plan, 4, 0.5);
  for (let round = 0; round < (plan.profile === null ? amount(plan, 3, 1) : 1); round++) {
    for (const tracer of rotated(tracers, round)) {
      const session = await Session.start(tracer);
      const start = usage(session.pid);
      const done = await call("uts", seconds * RATE, { rate: RATE });
      await session.settled(done);
      const end = usage(session.pid);
      const passed = (done.wall * done.made) / 1e9;
      busy.add(tracer, (end.voluntary - start.voluntary) / passed);
      forced.add(tracer, (end.involuntary - start.involuntary) / passed);
      await pause(seconds * 1000);
      idle.add(tracer, (usage(session.pid).voluntary - end.voluntary) / seconds);
      await session.end();
    }
  }
  return {
    name: "wakeups",
    title: "context switches of the tracer, all of its threads",
    quantities: [
      { what: `woken, at ${RATE} events a second`, unit: "times/s", series: busy.series },
      { what: `preempted, at ${RATE} events a second`, unit: "times/s", series: forced.series },
      { what: "woken when nothing happens", unit: "times/s", series: idle.series },
    ],
    notes,
  };
}
