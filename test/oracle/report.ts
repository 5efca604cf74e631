import type { Observation } from "./observation.js";

/** Is there no difference? What the agent lost of other processes is none; of these it is missed. */
export function agreed({ comparison: { missed, extra, different } }: Observation): boolean {
  return missed.length + extra.length + different.length === 0;
}

/** The numbers of an observation in one line. */
export function summary({ recording, comparison, events, lost }: Observation): string {
  const { matched, missed, extra, different } = comparison;
  const calls = new Map<string, number>();
  for (const { syscall } of events) calls.set(syscall, (calls.get(syscall) ?? 0) + 1);
  const kinds = [...calls].sort(([, a], [, b]) => b - a).map(([name, count]) => `${name} ${count}`);
  return [
    `matched ${matched}, missed ${missed.length}, extra ${extra.length}, different ${different.length}`,
    `${recording.threads.size} threads`,
    ...(kinds.length > 0 ? [kinds.join(", ")] : []),
    ...(lost > 0 ? [`the agent lost ${lost} records of any process`] : []),
  ].join("; ");
}
