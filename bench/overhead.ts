import { amount, Collected, choose, type Plan, rotated } from "./plan.js";
import type { Quantity, Report } from "./report.js";
import { Session } from "./session.js";
import {
  bpftrace,
  consumer,
  keyhole,
  type Missing,
  perfTrace,
  strace,
  type Tracer,
  type Wrapper,
} from "./tracers.js";
import { type Calls, call } from "./workload.js";

/** Calls under a tracer that stops its tracee, or wakes up, at each of them. */
const WRAPPED = 10_000;

/** What tracing costs who makes the calls: each traced run beside an untraced one of the same round. */
interface Costs {
  readonly untraced: Collected;
  readonly cpu: Collected;
  readonly cpuRatio: Collected;
  readonly wallRatio: Collected;
  readonly reported: Collected;
  /** The CPU ratio of a setns(2) that succeeds, of which there is more to tell. */
  readonly succeeding: Collected;
}

/** setns(-1, 0) by a caller that is traced, and by the same one that is not. */
export async function setns(plan: Plan): Promise<Report> {
  const references = [least(), consumer("poll", "none"), bpftrace()];
  const { costs, notes } = await measure("setns", plan, references, amount(plan, 200_000, 100_000));
  return {
    name: "setns",
    title: "a call that is traced",
    quantities: [
      ratio("CPU of setns(-1, 0) / CPU of one that nobody traces", costs.cpuRatio, 1.6),
      { what: "the same in time that passes", unit: "ratio", series: costs.wallRatio.series },
      nanoseconds("CPU of one call", costs),
      {
        what: "CPU of a setns(2) that succeeds / CPU of one that nobody traces",
        unit: "ratio",
        series: costs.succeeding.series,
      },
      {
        what: "calls reported, of those made",
        unit: "%",
        series: costs.reported.series,
        note: "made as fast as one CPU can; tracers that print nothing report nothing",
      },
    ],
    notes,
  };
}

/** getppid(2), which is no event: what the node pays for each system call of everybody. */
export async function getppid(plan: Plan): Promise<Report> {
  const references = [least(), bpftrace()];
  const { costs, notes } = await measure("getppid", plan, references, amount(plan, 1_000_000, 500_000));
  return {
    name: "getppid",
    title: "a call that is no event",
    quantities: [
      ratio("CPU of getppid() with the tracer / without it", costs.cpuRatio, 1.5),
      nanoseconds("CPU of one call", costs),
    ],
    notes,
  };
}

async function measure(
  what: "setns" | "getppid",
  plan: Plan,
  references: readonly (Tracer | Missing)[],
  count: number,
): Promise<{ readonly costs: Costs; readonly notes: readonly string[] }> {
  const { tracers, notes } = choose(plan, [keyhole(), ...references]);
  const wrappers = choose<Wrapper>(plan, [strace(), perfTrace()]);
  const costs: Costs = {
    untraced: new Collected(),
    cpu: new Collected(),
    cpuRatio: new Collected(),
    wallRatio: new Collected(),
    reported: new Collected(),
    succeeding: new Collected(),
  };
  const rounds = plan.profile === null ? amount(plan, 9, 2) : 1;
  for (let round = 0; round < rounds; round++) {
    for (const tracer of rotated(tracers, round)) {
      const off = await call(what, count);
      const before = what === "setns" ? await call("uts", count / 4) : null;
      const session = await Session.start(tracer);
      const on = await call(what, count);
      if (what === "setns" && tracer.ready === "event") {
        await session.settled(on);
        costs.reported.add(tracer, (100 * session.reported(on.pid).calls) / on.made);
      }
      if (before !== null) costs.succeeding.add(tracer, (await call("uts", count / 4)).cpu / before.cpu);
      await session.end();
      add(costs, tracer, off, on);
    }
    for (const wrapper of wrappers.tracers) {
      const off = await call(what, count);
      add(costs, wrapper, off, await call(what, WRAPPED, { under: wrapper.command }));
    }
  }
  return { costs, notes: [...notes, ...wrappers.notes] };
}

/** The C tracer that wakes nobody: what is traced cannot cost less. */
function least(): Tracer | Missing {
  return { ...consumer("timer", "none"), role: "floor" };
}

function add(costs: Costs, tracer: Tracer | Wrapper, off: Calls, on: Calls): void {
  costs.untraced.add({ name: "nothing attached", role: "none" }, off.cpu);
  costs.cpu.add(tracer, on.cpu);
  costs.cpuRatio.add(tracer, on.cpu / off.cpu);
  costs.wallRatio.add(tracer, on.wall / off.wall);
}

function ratio(what: string, collected: Collected, budget: number): Quantity {
  return { what, unit: "ratio", budget, series: collected.series };
}

function nanoseconds(what: string, { untraced, cpu }: Costs): Quantity {
  return { what, unit: "ns", series: [...untraced.series, ...cpu.series] };
}
