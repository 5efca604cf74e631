import type { Series } from "./report.js";
import { isMissing, type Missing, profiled, type Role } from "./tracers.js";

/** How thoroughly to measure, and what beside. */
export interface Plan {
  readonly quick: boolean;
  /** Where the agent writes its CPU profile; null where none is asked for. */
  readonly profile: string | null;
}

export interface Chosen<T> {
  readonly tracers: readonly T[];
  /** What cannot be measured here, and why. */
  readonly notes: readonly string[];
}

/** `full` of something, or `quick` of it in a quick run. */
export function amount({ quick }: Plan, full: number, few: number): number {
  return quick ? few : full;
}

/** The tracers that there are. For a profile the agent alone, with the profiler in it. */
export function choose<T extends { readonly role: Role; readonly command: readonly string[] }>(
  { profile }: Plan,
  wanted: readonly (T | Missing)[],
): Chosen<T> {
  const there = wanted.filter((one): one is T => !isMissing(one));
  if (profile !== null) {
    const own = there.filter(({ role }) => role === "keyhole");
    return { tracers: own.map((tracer) => profiled(tracer, profile)), notes: [] };
  }
  const missing = wanted.filter(isMissing);
  return { tracers: there, notes: missing.map((one) => `not measured: ${one.name}: ${one.missing}`) };
}

/** `items`, beginning with another one each round, so that a drift of the machine does not always hit the same. */
export function rotated<T>(items: readonly T[], round: number): T[] {
  const at = round % Math.max(1, items.length);
  return [...items.slice(at), ...items.slice(0, at)];
}

/** The values of each tracer, round by round. */
export class Collected {
  readonly #series = new Map<string, { who: string; role: Series["role"]; values: number[] }>();

  add({ name, role }: { readonly name: string; readonly role: Series["role"] }, value: number): void {
    const series = this.#series.get(name);
    if (series === undefined) this.#series.set(name, { who: name, role, values: [value] });
    else series.values.push(value);
  }

  /** Without a tracer first, then Keyhole, the references, the floor. */
  get series(): Series[] {
    const order: readonly Series["role"][] = ["none", "keyhole", "reference", "floor"];
    return [...this.#series.values()].sort((a, b) => order.indexOf(a.role) - order.indexOf(b.role));
  }
}
