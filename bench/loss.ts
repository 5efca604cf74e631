import { amount, Collected, choose, type Plan, rotated } from "./plan.js";
import type { Quantity, Report } from "./report.js";
import { Session } from "./session.js";
import { bpftrace, consumer, floor, keyhole } from "./tracers.js";
import { type Call, call } from "./workload.js";

interface Load {
  readonly what: string;
  readonly call: Call;
  readonly count: number;
  readonly rate: number;
}

/** What is made, reported, counted as lost, and neither. */
export async function loss(plan: Plan): Promise<Report> {
  const { tracers, notes } = choose(plan, [keyhole(), consumer("poll", "json"), floor(), bpftrace()]);
  const seconds = amount(plan, 10, 1);
  const names: Readonly<Record<string, string>> = { setns: "setns(-1, 0)", uts: "setns(2) that succeed" };
  const loads: readonly Load[] = (["setns", "uts"] as const).flatMap((one) => [
    {
      what: `${names[one]}, 10,000 a second for ${seconds} s`,
      call: one,
      count: seconds * 10_000,
      rate: 10_000,
    },
    { what: `100,000 ${names[one]}, 300,000 a second`, call: one, count: 100_000, rate: 300_000 },
  ]);
  const found = loads.map(() => ({
    rate: new Collected(),
    reported: new Collected(),
    lost: new Collected(),
    missing: new Collected(),
  }));
  const rounds = plan.profile === null ? amount(plan, 2, 1) : 1;
  for (let round = 0; round < rounds; round++) {
    for (const tracer of rotated(tracers, round)) {
      const session = await Session.start(tracer);
      for (const [index, load] of loads.entries()) {
        const before = session.lostCalls();
        const done = await call(load.call, load.count, { rate: load.rate });
        await session.settled(done);
        const { calls } = session.reported(done.pid);
        const lost = session.lostCalls() - before;
        const { rate, reported, ...rest } = found[index]!;
        rate.add(tracer, done.rate);
        reported.add(tracer, calls);
        rest.lost.add(tracer, lost);
        rest.missing.add(tracer, done.made - calls - lost);
      }
      await session.end();
    }
  }
  return {
    name: "loss",
    title: "made, reported, counted as lost, missing",
    quantities: loads.flatMap(({ what }, index): Quantity[] => {
      const { rate, reported, lost, missing } = found[index]!;
      return [
        { what: `${what}: reported`, unit: "events", series: reported.series },
        { what: `${what}: counted as lost`, unit: "events", budget: 0, series: lost.series },
        {
          what: `${what}: missing (made - reported - lost)`,
          unit: "events",
          budget: 0,
          series: missing.series,
          note: "below 0 where the tracer lost events of others too, which it counts together",
        },
        { what: `${what}: rate that was reached`, unit: "calls/s", series: rate.series },
      ];
    }),
    notes,
  };
}
