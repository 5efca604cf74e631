import { glob } from "../../src/config/glob.js";
import type { FindingEvent, Severity } from "../../src/event.js";
import type { Agent } from "../kernel/capture/agent.js";

const LOUD: ReadonlySet<Severity> = new Set(["critical", "high"]);

/** What an agent told since it was asked last, of what there was not before. */
export class Told {
  readonly #agent: Agent;
  readonly #before: ReadonlySet<string>;
  readonly #ignored: readonly string[];
  #at: number;
  /** How many there were, by severity and rule. */
  readonly counts = new Map<string, number>();

  /**
   * What the agent has told so far is about what ran before, and is left out from here on; and so is what it will tell of
   * subjects whose ids match one of `ignored`.
   */
  constructor(agent: Agent, ignored: readonly string[] = []) {
    this.#agent = agent;
    this.#ignored = ignored;
    this.#at = agent.events.length;
    this.#before = new Set(
      agent.events.flatMap((event) => (event.type === "finding" ? [event.subject.id] : [])),
    );
  }

  /** Subjects that are left out. */
  get before(): number {
    return this.#before.size;
  }

  /** Findings of high and above since the last call. */
  takeLoud(): FindingEvent[] {
    const { events } = this.#agent;
    const loud: FindingEvent[] = [];
    for (; this.#at < events.length; this.#at++) {
      const event = events[this.#at]!;
      if (event.type !== "finding" || event.state === "resolved" || this.#isOthers(event.subject.id))
        continue;
      const key = `${event.severity} ${event.rule}`;
      this.counts.set(key, (this.counts.get(key) ?? 0) + 1);
      if (LOUD.has(event.severity)) loud.push(event);
    }
    return loud;
  }

  #isOthers(id: string): boolean {
    return this.#before.has(id) || this.#ignored.some((pattern) => glob(pattern, id));
  }
}
