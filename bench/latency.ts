import { once } from "node:events";
import { pipe } from "./pair.js";
import { amount, Collected, choose, type Plan, rotated } from "./plan.js";
import { programs } from "./programs.js";
import type { Report } from "./report.js";
import { quantile } from "./statistics.js";
import { bpftrace, consumer, floor, keyhole, type Tracer } from "./tracers.js";

const SILENCE_MS = 100;

/** From a call after silence to its line in the reader's hands. */
export async function latency(plan: Plan): Promise<Report> {
  if (plan.profile !== null) throw new Error("latency cannot be profiled: nothing happens most of the time");
  const { tracers, notes } = choose(plan, [keyhole(), consumer("poll", "json"), floor(), bpftrace()]);
  const [p50, p99, missing] = [new Collected(), new Collected(), new Collected()];
  for (let round = 0; round < amount(plan, 5, 1); round++) {
    for (const tracer of rotated(tracers, round)) {
      const times = await measure(tracer, amount(plan, 40, 15));
      const seen = times.filter((time) => time >= 0).map((time) => time / 1e6);
      missing.add(tracer, times.length - seen.length);
      if (seen.length === 0) continue;
      p50.add(tracer, quantile(seen, 0.5));
      p99.add(tracer, quantile(seen, 0.99));
    }
  }
  return {
    name: "latency",
    title: `after ${SILENCE_MS} ms without an event`,
    quantities: [
      { what: "from the call to its line, half of them within", unit: "ms", series: p50.series },
      { what: "from the call to its line, 99 of 100 within", unit: "ms", budget: 5, series: p99.series },
      { what: "not reported within 2 s", unit: "calls", series: missing.series },
    ],
    notes,
  };
}

/** Nanoseconds of each call; -1 for one that did not come. */
async function measure(tracer: Tracer, count: number): Promise<number[]> {
  const { writer, reader, words } = pipe(tracer.command, [
    programs().latency,
    String(count),
    String(SILENCE_MS),
  ]);
  let text = "";
  reader.stdout.setEncoding("latin1").on("data", (data: string) => {
    text += data;
  });
  const [status] = await once(reader, "close");
  if (writer.exitCode === null && writer.signalCode === null) {
    const exited = once(writer, "exit");
    writer.kill(tracer.signal);
    await exited;
  }
  if (status !== 0) throw new Error(`no latency of ${tracer.name}: status ${status}\n${words()}`.trim());
  return text.trim().split("\n").map(Number);
}
