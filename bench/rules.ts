import { countOf, LOADS, type Load, RATE } from "./loads.js";
import { amount, Collected, choose, type Plan } from "./plan.js";
import { usage } from "./process.js";
import type { Report } from "./report.js";
import { Session } from "./session.js";
import { keyhole, quietKeyhole, type Tracer } from "./tracers.js";
import { call } from "./workload.js";

const WARM_UP = 10_000;

/** Of the calls that meet the most rules, one that succeeds and one that fails. */
const MEASURED: readonly Load[] = [LOADS.succeeding, LOADS.succeedingFlood, LOADS.failing];

/** Who makes the calls: rules are asked about containers' tasks alone. */
const CALLERS = [
  { name: "by a task of a container: all rules", role: "keyhole", container: true },
  { name: "by a task of the host: no rule", role: "floor", container: false },
] as const;

/** Microseconds of the agent's own CPU for an event of a container's task, beside those for one of the host's. */
export async function rules(plan: Plan): Promise<Report> {
  const { tracers, notes } = choose(plan, [keyhole(), quietKeyhole()]);
  const costs = tracers.map(() => MEASURED.map(() => new Collected()));
  const rounds = plan.profile === null ? amount(plan, 3, 1) : 1;
  for (let round = 0; round < rounds; round++) {
    for (const [which, tracer] of tracers.entries()) {
      const session = await Session.start(tracer);
      await session.settled(await call("uts", WARM_UP, { rate: RATE, container: true }));
      for (const [index, load] of MEASURED.entries()) {
        const count = countOf(plan, load);
        for (const caller of round % 2 === 0 ? CALLERS : [...CALLERS].reverse()) {
          costs[which]![index]!.add(caller, await measure(session, load, count, caller.container));
        }
      }
      await session.end();
    }
  }
  return {
    name: "rules",
    title: "CPU of the agent for an event of a container, with all rules",
    quantities: tracers.flatMap((tracer, which) =>
      MEASURED.map(({ what }, index) => ({
        what: `${isPrinting(tracer) ? "printed" : "not printed"}: ${what}`,
        unit: "us",
        budget: isPrinting(tracer) ? 10 : 4,
        series: costs[which]![index]!.series,
      })),
    ),
    notes,
  };
}

function isPrinting({ ready }: Tracer): boolean {
  return ready === "event";
}

async function measure(session: Session, load: Load, count: number, container: boolean): Promise<number> {
  const before = usage(session.pid);
  const done = await call(load.call, count, { rate: load.rate, container });
  await session.settled(done);
  const cpu = usage(session.pid).cpu - before.cpu;
  const { calls } = session.reported(done.pid);
  return cpu / 1000 / (isPrinting(session.tracer) ? calls : done.made);
}
