import { countOf, LOADS, type Load, RATE } from "./loads.js";
import { amount, Collected, choose, type Plan, rotated } from "./plan.js";
import { usage } from "./process.js";
import type { Report } from "./report.js";
import { Session } from "./session.js";
import { median } from "./statistics.js";
import { bpftrace, consumer, floor, keyhole, quietKeyhole, type Tracer } from "./tracers.js";
import { call } from "./workload.js";

/** Calls before anything is measured: code that runs often is compiled by then. */
const WARM_UP = 10_000;
const QUICK_WARM_UP = 5_000;

const MEASURED: readonly Load[] = Object.values(LOADS);

/** Microseconds of the tracer's own CPU for an event, all of its threads, printed and not. */
export async function event(plan: Plan): Promise<Report> {
  const printing = choose(plan, [keyhole(), consumer("poll", "json"), floor(), bpftrace()]);
  // in a profile, what it does without printing is part of the other
  const silent = plan.profile === null ? [quietKeyhole(), consumer("poll", "none"), floor("none")] : [];
  const quiet = choose(plan, silent);
  const costs = MEASURED.map(() => ({
    printing: new Collected(),
    quiet: new Collected(),
    lines: new Collected(),
  }));
  const rounds = plan.profile === null ? amount(plan, 3, 1) : 1;
  for (let round = 0; round < rounds; round++) {
    for (const tracer of rotated([...printing.tracers, ...quiet.tracers], round)) {
      const session = await Session.start(tracer);
      await session.settled(await call("uts", amount(plan, WARM_UP, QUICK_WARM_UP), { rate: RATE }));
      for (const [index, load] of MEASURED.entries()) {
        const { cost, lines } = await measure(session, load, countOf(plan, load));
        const prints = tracer.ready === "event";
        costs[index]![prints ? "printing" : "quiet"].add(tracer, cost);
        if (prints) costs[index]!.lines.add(tracer, lines);
      }
      await session.end();
    }
  }
  return {
    name: "event",
    title: "CPU of the tracer",
    quantities: [
      ...MEASURED.map(({ what }, index) => ({
        what: `per event, printed: ${what}`,
        unit: "us",
        budget: 10,
        series: costs[index]!.printing.series,
        ...summarised(costs[index]!.lines),
      })),
      ...MEASURED.map(({ what }, index) => ({
        what: `per event, not printed: ${what}`,
        unit: "us",
        budget: 4,
        series: costs[index]!.quiet.series,
      })),
    ],
    notes: [...new Set([...printing.notes, ...quiet.notes])],
  };
}

/** Says so where the agent told many calls in few lines: then its cost is not that of an event. */
function summarised({ series }: Collected): { readonly note?: string } {
  const own = series.find(({ role }) => role === "keyhole");
  if (own === undefined || median(own.values) > 99) return {};
  return {
    note: `keyhole reported 100 calls in ${median(own.values).toFixed(1)} lines: the rest are summaries`,
  };
}

async function measure(
  session: Session,
  load: Load,
  count: number,
): Promise<{ readonly cost: number; readonly lines: number }> {
  const lostBefore = await lostOf(session);
  const before = usage(session.pid);
  const done = await call(load.call, count, { rate: load.rate });
  await session.settled(done);
  const cpu = usage(session.pid).cpu - before.cpu;
  const { calls, lines } = session.reported(done.pid);
  const told = session.tracer.ready === "event" ? calls : done.made - ((await lostOf(session)) - lostBefore);
  return { cost: cpu / 1000 / told, lines: (100 * lines) / calls };
}

/** What an agent that prints nothing has lost so far; the others tell it in their lines. */
async function lostOf({ tracer }: { readonly tracer: Tracer }): Promise<number> {
  if (typeof tracer.ready !== "object") return 0;
  const text = await (await fetch(tracer.ready.url.replace("/readyz", "/metrics"))).text();
  const counts = text.matchAll(/^keyhole_lost_events_total\{[^}]*\} (\d+)/gm);
  return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
}
