import { amount, type Plan } from "./plan.js";
import type { Call } from "./workload.js";

/** Calls a second: what a busy node makes. */
export const RATE = 10_000;
/** Calls of a flood; their records fit the ring, so that none is lost and all are paid for. */
const FLOOD = 40_000;
const QUICK_FLOOD = 20_000;

/** What the agent is given to do. */
export interface Load {
  readonly call: Call;
  /** Calls a second; 0: as fast as it can. */
  readonly rate: number;
  readonly what: string;
}

/** A call that succeeds and one that fails, both at a rate and in a flood. */
export const LOADS = {
  succeeding: { call: "uts", rate: RATE, what: `a setns(2) that succeeds, ${RATE} a second` },
  succeedingFlood: { call: "uts", rate: 0, what: "a setns(2) that succeeds, in a flood" },
  failing: { call: "setns", rate: RATE, what: `a setns(-1, 0), ${RATE} a second` },
  failingFlood: { call: "setns", rate: 0, what: "a setns(-1, 0), in a flood" },
} as const satisfies Readonly<Record<string, Load>>;

/** How many calls are made of it. */
export function countOf(plan: Plan, { rate }: Load): number {
  return rate === 0 ? amount(plan, FLOOD, QUICK_FLOOD) : amount(plan, 3, 0.5) * rate;
}
