import {
  type FindingEvent,
  type KeyholeEvent,
  SCHEMA_VERSION,
  type StoryEvent,
  type SyscallEvent,
} from "../event.js";
import type { ActContext } from "./act.js";
import { Exposures } from "./engine.js";
import type { FindingChange } from "./findings.js";
import type { RecordedInput, RecordingHeader, RecordingLine } from "./recording.js";
import { encode } from "./recording-values.js";
import { ReplayChanges, unpublished } from "./replay-changes.js";
import type { Fact } from "./rule.js";
import type { RuleSet } from "./rule-set.js";
import type { StoryContext } from "./story-act.js";

/** What a replay could not do as the agent did. */
export interface ReplayGaps {
  /** Lines that the recording says it lacks. */
  readonly lost: number;
  /** How often a rule asked for what the recording does not have, by what it is. */
  readonly unanswered: ReadonlyMap<string, number>;
  /** How often the rules were exchanged while it was recorded. */
  readonly exchanges: number;
}

/**
 * Gives the inputs of a recording to an engine with other rules, or the same, at the times at which they came. The
 * findings of the recording are compared with those that come of it now, and these told in their place.
 */
export class Replay {
  readonly engine: Exposures;
  readonly changes = new ReplayChanges();
  readonly #header: RecordingHeader;
  readonly #unanswered = new Map<string, number>();
  #time: string;
  /** The last event that is no finding: what an input is about. */
  #event: KeyholeEvent | null = null;
  #seq = 0;
  #pending: FindingChange[] = [];
  #lost = 0;
  #exchanges = 0;
  #facts: ReadonlySet<Fact> = new Set();

  constructor(header: RecordingHeader, rules: RuleSet) {
    this.#header = header;
    this.#time = header.time;
    this.engine = new Exposures({ rules, hostProcDev: header.host_proc_dev, now: () => this.#time });
  }

  get gaps(): ReplayGaps {
    return { lost: this.#lost, unanswered: this.#unanswered, exchanges: this.#exchanges };
  }

  /** What the node could tell rules when this was recorded. */
  get facts(): ReadonlySet<Fact> {
    return this.#facts;
  }

  /** The events that `line` gives, in order. Throws what a rule or the engine throws at an input that makes no sense. */
  take(line: RecordingLine): KeyholeEvent[] {
    if ("event" in line) return this.#takeEvent(line.event);
    if ("lost" in line) {
      this.#lost += line.lost;
      return [];
    }
    const before = this.end();
    this.#time = line.time;
    this.#pending = this.#input(line);
    return before;
  }

  /** The findings of the last input. */
  end(): KeyholeEvent[] {
    const pending = this.#pending;
    this.#pending = [];
    for (const change of pending) this.changes.onlyReplayed(change);
    return pending.map((change) => this.#publish(change, this.#seq, this.#time));
  }

  #takeEvent(event: KeyholeEvent): KeyholeEvent[] {
    if (event.type !== "finding") {
      const before = this.end();
      this.#event = event;
      this.#seq = event.seq;
      return [...before, event];
    }
    this.#seq = event.seq;
    const recorded = unpublished(event);
    const index = this.#pending.findIndex(({ id }) => id === event.id);
    if (index < 0) {
      this.changes.onlyRecorded(recorded);
      return [];
    }
    const [change] = this.#pending.splice(index, 1);
    this.changes.pair(recorded, change!);
    return [this.#publish(change!, event.seq, event.time)];
  }

  #input(input: RecordedInput): FindingChange[] {
    const { engine } = this;
    switch (input.in) {
      case "posture":
        return engine.posture(input.view);
      case "gone":
        return engine.gone(input.container, input.reason);
      case "act":
        return engine.act(this.#call(input), this.#context<ActContext>(input, ["after"]));
      case "story":
        return engine.story(this.#story(input), this.#context<StoryContext>(input, []));
      case "instance":
        return engine.instanceChanged(input.before, input.after, this.#call(input));
      case "own":
        engine.leaveOut(input.container);
        return [];
      case "rules":
        this.#exchanges += 1;
        return [];
      case "facts":
        this.#facts = new Set(input.facts);
        return [];
    }
  }

  #call(input: RecordedInput & { readonly in: "act" | "instance" }) {
    return "call" in input ? input.call : this.#about<SyscallEvent>(input.seq, "syscall");
  }

  #story(input: RecordedInput & { readonly in: "story" }) {
    return "story" in input ? input.story : this.#about<StoryEvent>(input.seq, "story");
  }

  #about<E extends KeyholeEvent>(seq: number, type: E["type"]): E {
    if (this.#event?.seq === seq && this.#event.type === type) return this.#event as E;
    throw new Error(`there is no ${type} event ${seq} before this line`);
  }

  /** A context whose functions answer what they answered then, and null where they were not asked. */
  #context<C>(
    { context, answers }: RecordedInput & { readonly in: "act" | "story" },
    known: readonly string[],
  ): C {
    const functions = [...new Set([...known, ...Object.keys(answers)])].map((name) => {
      const given = answers[name] ?? [];
      const ask = (...args: readonly unknown[]): unknown => {
        const answer = given.find(([asked]) => encode(asked) === encode(args));
        if (answer === undefined) this.#unanswered.set(name, (this.#unanswered.get(name) ?? 0) + 1);
        return answer?.[1] ?? null;
      };
      return [name, ask] as const;
    });
    return { ...context, hostNs: this.#header.host_ns, ...Object.fromEntries(functions) } as C;
  }

  #publish(change: FindingChange, seq: number, time: string): FindingEvent {
    const { type, ...rest } = change;
    return { schema: SCHEMA_VERSION, seq, time, node: this.#header.node, type, ...rest };
  }
}
