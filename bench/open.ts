import { execFileSync } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { amount, Collected, choose, type Plan, rotated } from "./plan.js";
import { compileProgram } from "./programs.js";
import type { Report } from "./report.js";
import { Session } from "./session.js";
import { median } from "./statistics.js";
import { quietKeyhole, type Tracer } from "./tracers.js";

const CONTAINER = ["unshare", "--mount", "--pid", "--fork", "--mount-proc"];
/** Runs of one kind in a row, of which the median counts. */
const REPEATS = 5;

interface Opening {
  readonly what: string;
  readonly path: string;
  readonly under: readonly string[];
}

/** A variant of the agent, or none (`tracer` null). */
interface Variant {
  readonly name: string;
  readonly role: "none" | "keyhole" | "reference";
  readonly tracer: Tracer | null;
}

/**
 * open(2) and close(2) of files that are told of nobody: what it costs that the agent looks at them. The budget is about the
 * same agent that does not.
 */
export async function opens(plan: Plan): Promise<Report> {
  const file = `/dev/shm/keyhole-bench-${process.pid}`;
  writeFileSync(file, "");
  const kinds: readonly Opening[] = [
    { what: "a file of a tmpfs, by a task of the host", path: file, under: [] },
    { what: "the same by a task of a container", path: file, under: CONTAINER },
    { what: "/proc/self/stat by a task of a container", path: "/proc/self/stat", under: CONTAINER },
  ];
  const opener = compileProgram("opener");
  const count = amount(plan, 50_000, 20_000);
  const rounds = plan.profile === null ? amount(plan, 9, 2) : 1;
  const cpu = kinds.map(() => new Collected());
  const ratios = kinds.map(() => new Collected());
  const { tracers, notes } = choose(plan, [keyhole("on"), keyhole("off")]);
  const variants: Variant[] = tracers.map((tracer, index) => ({
    name: tracer.name,
    role: index === 0 ? "keyhole" : "reference",
    tracer,
  }));
  if (plan.profile === null) variants.push({ name: "nothing attached", role: "none", tracer: null });
  try {
    for (let round = 0; round < rounds; round++) {
      const taken = new Map<Variant, number[]>();
      for (const variant of rotated(variants, round))
        taken.set(variant, await measure(variant, kinds, opener, count));
      const off = taken.get(variants.find(({ role }) => role === "reference") ?? variants[0]!)!;
      for (const [variant, values] of taken) {
        for (const [index, value] of values.entries()) {
          cpu[index]!.add(variant, value);
          if (variant.role !== "reference") ratios[index]!.add(variant, value / off[index]!);
        }
      }
    }
  } finally {
    rmSync(file);
  }
  return {
    name: "open",
    title: "an open and a close that are no event",
    quantities: kinds.flatMap(({ what }, index) => [
      {
        what: `CPU of ${what} / with --opens off`,
        unit: "ratio",
        budget: 1.05,
        series: ratios[index]!.series,
      },
      { what: `CPU of ${what}`, unit: "ns", series: cpu[index]!.series },
    ]),
    notes,
  };
}

function keyhole(opens: "on" | "off"): Tracer {
  const tracer = quietKeyhole();
  return { ...tracer, name: `keyhole --opens ${opens}`, command: [...tracer.command, "--opens", opens] };
}

/** Nanoseconds of CPU of an open and a close of each kind. */
async function measure(
  { tracer }: Variant,
  kinds: readonly Opening[],
  opener: string,
  count: number,
): Promise<number[]> {
  const session = tracer === null ? null : await Session.start(tracer);
  const taken: number[][] = kinds.map(() => []);
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    for (const [index, { path, under }] of kinds.entries()) {
      const [program, ...args] = [...under, opener, path, String(count)];
      const [made = 0, cpu = 0] = execFileSync(program!, args, { encoding: "utf8" })
        .trim()
        .split(" ")
        .map(Number);
      taken[index]!.push(cpu / made);
    }
  }
  await session?.end();
  return taken.map(median);
}
