import { amount, Collected, choose, type Plan } from "./plan.js";
import { pause, residentMiB } from "./process.js";
import type { Report, Verdict } from "./report.js";
import { Session } from "./session.js";
import { fitLine, type Line } from "./statistics.js";
import { bpftrace, floor, keyhole } from "./tracers.js";
import { call } from "./workload.js";

const RATE = 20_000;
const CHECKPOINTS = 10;
/** Samples of a checkpoint, and how far they are apart in milliseconds. */
const SAMPLES = 5;
const APART_MS = 50;
/** How many standard errors a slope may be from nothing and still be nothing. */
const ERRORS = 2;
/** What growth must be excluded before it is said that there is none, in MiB. */
const CREEP_MIB = 5;

/** Resident memory after some events, and how it grows over ten times as many, with every event a line of its own. */
export async function memory(plan: Plan): Promise<Report> {
  if (plan.profile !== null) throw new Error("memory cannot be profiled: it is no question of time");
  const first = amount(plan, 100_000, 5_000);
  const { tracers, notes } = choose(plan, [keyhole(), floor(), bpftrace()]);
  const [before, after, missing] = [new Collected(), new Collected(), new Collected()];
  const [grown, late] = [new Collected(), new Collected()];
  const said: string[] = [...notes];
  let decided: Verdict | undefined;
  for (const tracer of tracers) {
    const session = await Session.start(tracer);
    before.add(tracer, await resident(session.pid));
    const points: [number, number][] = [];
    let unseen = 0;
    for (let done = 0; done <= CHECKPOINTS * first; done += first) {
      const made = await call("uts", first, { rate: RATE });
      await session.settled(made);
      unseen += made.made - session.reported(made.pid).calls;
      points.push([done, await resident(session.pid)]);
    }
    await session.end();
    after.add(tracer, points[0]![1]);
    missing.add(tracer, unseen);
    const [all, half] = [fitLine(points), fitLine(points.slice(CHECKPOINTS / 2))];
    grown.add(tracer, all.slope * CHECKPOINTS * first);
    late.add(tracer, half.slope * CHECKPOINTS * first);
    said.push(`${tracer.name}: the slope is ${show(all)}; over the second half ${show(half)}`);
    if (tracer.role === "keyhole") decided = judge(all, CHECKPOINTS * first);
  }
  const [events, more] = [first, CHECKPOINTS * first].map((count) => count.toLocaleString("en"));
  return {
    name: "memory",
    title: "resident, each event a line",
    quantities: [
      { what: "before the first event", unit: "MiB", series: before.series },
      { what: `after ${events} events`, unit: "MiB", budget: 100, series: after.series },
      {
        what: `growth over the next ${more} events, by the line through ${CHECKPOINTS + 1} measurements`,
        unit: "MiB",
        budget: 0,
        series: grown.series,
        ...(decided === undefined ? undefined : { verdict: decided }),
        note: `met: not above 0 by ${ERRORS} standard errors, nor by more than ${CREEP_MIB} MiB with them; undecided: the error is larger`,
      },
      { what: "the same by the second half of them", unit: "MiB", series: late.series },
      { what: "events missing on stdout", unit: "events", series: missing.series },
    ],
    notes: said,
  };
}

/** Whether the memory grows, as far as the error of the slope lets it be said. */
function judge({ slope, error }: Line, events: number): Verdict {
  if (slope > ERRORS * error) return "missed";
  return (slope + ERRORS * error) * events <= CREEP_MIB ? "met" : "undecided";
}

function show({ slope, error }: Line): string {
  return `${(slope * 1e6).toFixed(1)} +- ${(error * 1e6).toFixed(1)} MiB a million events`;
}

/** The mean of a few looks, MiB: a collection of garbage may come at any time. */
async function resident(pid: number): Promise<number> {
  let sum = 0;
  for (let sample = 0; sample < SAMPLES; sample++) {
    await pause(APART_MS);
    sum += residentMiB(pid);
  }
  return sum / SAMPLES;
}
