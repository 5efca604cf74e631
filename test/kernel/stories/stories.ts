import type { StoryEvent, StoryState } from "../../../src/event.js";
import type { Agent } from "../capture/agent.js";
import type { Actor, Answer } from "./actor.js";

/** One story as it was told, from its first event to its last so far. */
export interface Told {
  readonly id: string;
  readonly events: readonly StoryEvent[];
  readonly last: StoryEvent;
  readonly states: readonly StoryState[];
}

/** The stories that `actor`, or the process with that pid, began, in the order of their beginning. */
export function storiesOf(agent: Agent, actor: Actor | number): Told[] {
  const pid = typeof actor === "number" ? actor : actor.pid;
  const events = new Map<string, StoryEvent[]>();
  for (const event of agent.events) {
    if (event.type !== "story" || event.process.pid !== pid) continue;
    const known = events.get(event.id);
    if (known === undefined) events.set(event.id, [event]);
    else known.push(event);
  }
  return [...events].map(([id, all]) => ({
    id,
    events: all,
    last: all.at(-1)!,
    states: all.map(({ state }) => state),
  }));
}

/** The only story of `actor` that has a step which `has` is true of, once it is in `state`. */
export async function storyIn(
  agent: Agent,
  actor: Actor | number,
  state: StoryState,
  syscall: string,
): Promise<Told> {
  const of = () =>
    storiesOf(agent, actor).filter(
      ({ last }) => last.state === state && last.steps.some((step) => step.syscall === syscall),
    );
  await agent.until(`a story with ${syscall} that is ${state}`, () => of().length > 0);
  return of().at(-1)!;
}

/** Nanoseconds since the epoch of a time of an event. */
export function nanoseconds(time: string): bigint {
  const [seconds, fraction] = time.slice(0, -1).split(".");
  return BigInt(Date.parse(`${seconds}Z`)) * 1_000_000n + BigInt((fraction ?? "").padEnd(9, "0"));
}

/** The agent's clock may be this far from CLOCK_REALTIME, which it follows in steps: nanoseconds. */
const SLACK = 2_000_000n;

/** Whether something that happened during `call` can have happened between the two times. */
export function isDuring(call: Answer, { after, before }: NonNullable<StoryEvent["ended"]>): boolean {
  return nanoseconds(after) <= call.after + SLACK && nanoseconds(before) >= call.before - SLACK;
}
