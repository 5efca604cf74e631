import { release } from "node:os";
import { version } from "../config/version.js";
import type { KeyholeEvent } from "../event.js";
import type { NsInums } from "../kernel/links.js";
import { CHANGES_TABLE } from "../mounts/mount-changes.js";
import type { Sink } from "../publish/publisher.js";
import type { ActContext, ObservedCall } from "./act.js";
import { type Exposures, rfc3339 } from "./engine.js";
import {
  type Answers,
  RECORDING_VERSION,
  type RecordedInput,
  type RecordingHeader,
  type RecordingLine,
} from "./recording.js";
import { encode } from "./recording-values.js";
import type { RecordingLoss } from "./recording-writer.js";
import type { Fact } from "./rule.js";
import { allRules, type RuleSet } from "./rule-set.js";
import type { StoryContext } from "./story-act.js";

/** All through which the engine is told something. */
export type EngineInputs = Pick<
  Exposures,
  "posture" | "gone" | "act" | "story" | "instanceChanged" | "leaveOut" | "use" | "concerns"
>;

/** Where the lines of a recording go. */
export interface RecordingLines {
  /** False when the line is not recorded; it has been counted then. */
  push(line: string): boolean;
  lose(why: RecordingLoss): false;
  readonly losses: ReadonlyMap<RecordingLoss, number>;
  close(): Promise<void>;
}

/** What is known when a recording begins. */
export interface RecordingStart {
  readonly hostNs: NsInums;
  readonly hostProcDev: string | null;
  readonly rules: RuleSet;
}

/**
 * Writes down every event and every input of the engine, in the order in which they came, so that `keyhole replay` can
 * give them to an engine with other rules.
 */
export class Recorder implements Sink {
  readonly name = "recording";
  readonly #node: string;
  readonly #lines: RecordingLines;
  /** What the engine is to take for now: each input is given the time at which it came. */
  #time = rfc3339();
  /** `seq` of the event that was recorded last. */
  #seq = 0;
  #own: string | null = null;

  constructor(lines: RecordingLines, { node }: { readonly node: string }) {
    this.#lines = lines;
    this.#node = node;
  }

  /** Lines that were not written, by reason. */
  get losses(): ReadonlyMap<string, number> {
    return this.#lines.losses;
  }

  /** The time of the input that the engine looks at. */
  readonly now = (): string => this.#time;

  /** The first line. */
  begin({ hostNs, hostProcDev, rules }: RecordingStart): void {
    this.#push({
      keyhole_recording: RECORDING_VERSION,
      version: version(),
      node: this.#node,
      kernel: release(),
      time: this.#time,
      host_ns: hostNs,
      host_proc_dev: hostProcDev,
      rules: describe(rules),
    });
  }

  /** What this node can tell rules from now on. */
  facts(facts: readonly Fact[]): void {
    this.#push({ in: "facts", time: this.#tick(), facts });
  }

  write(event: KeyholeEvent, json: () => string): void {
    if (this.#lines.push(`{"event":${json()}}`)) this.#seq = event.seq;
  }

  close(): Promise<void> {
    return this.#lines.close();
  }

  /** `engine`, of which everything that it is told is written down before what comes of it is published. */
  around(engine: EngineInputs): EngineInputs {
    return {
      posture: (view) => {
        this.#push({ in: "posture", time: this.#tick(), view });
        return engine.posture(view);
      },
      gone: (container, reason) => {
        this.#push({ in: "gone", time: this.#tick(), container, reason });
        return engine.gone(container, reason);
      },
      act: (call, context) => {
        const asked = new AskedContext(context);
        const time = this.#tick();
        asked.lookAhead(callsForLook(call, engine.concerns(call, context.hostNs)));
        try {
          return engine.act(call, asked.context);
        } finally {
          this.#about(call, () => ({
            in: "act",
            time,
            ...this.#reference(call, "call"),
            ...asked.recorded(),
          }));
        }
      },
      story: (story, context) => {
        const asked = new AskedContext(context);
        const time = this.#tick();
        try {
          return engine.story(story, asked.context);
        } finally {
          const reference = this.#reference(story, "story");
          this.#about(story, () => ({ in: "story", time, ...reference, ...asked.recorded() }));
        }
      },
      instanceChanged: (before, after, call) => {
        const time = this.#tick();
        const reference = this.#reference(call, "call");
        // it may be told long after the call, when the instances could be read
        const about = call.seq === this.#seq ? reference : { call };
        this.#push({ in: "instance", time, before, after, ...about });
        return engine.instanceChanged(before, after, call);
      },
      leaveOut: (container) => {
        if (container !== this.#own) this.#push({ in: "own", time: this.#tick(), container });
        this.#own = container;
        engine.leaveOut(container);
      },
      use: (rules) => {
        this.#push({ in: "rules", time: this.#tick(), rules: describe(rules) });
        engine.use(rules);
      },
      // other rules may want what these do not look at; few are about tasks outside of containers
      concerns: (call, hostNs) => call.container !== null || engine.concerns(call, hostNs),
    };
  }

  #tick(): string {
    this.#time = rfc3339();
    return this.#time;
  }

  #reference<Name extends "call" | "story", Of extends { readonly seq?: number }>(of: Of, name: Name) {
    const reference = of.seq === undefined ? { [name]: of } : { seq: of.seq };
    return reference as { readonly seq: number } & { readonly [N in Name]: Of };
  }

  /** An input without the event that it is about would be of no use. */
  #about({ seq }: { readonly seq?: number }, line: () => RecordedInput): void {
    if (seq === undefined || seq === this.#seq) this.#push(line());
    else this.#lines.lose("record-queue");
  }

  #push(line: RecordingHeader | RecordingLine): void {
    let text: string;
    try {
      text = encode(line);
    } catch {
      this.#lines.lose("record-value");
      return;
    }
    this.#lines.push(text);
  }
}

/**
 * Whether the container is looked at after `call` although no rule may ask: others could when this is replayed. Opening a
 * file changes nothing that a look would show, and is too frequent for one.
 */
function callsForLook(call: ObservedCall, concerned: boolean): boolean {
  if (call.ret === null || call.ret < 0) return false;
  return CHANGES_TABLE.has(call.syscall) || (concerned && call.file === undefined);
}

function describe(rules: RuleSet): RecordingHeader["rules"] {
  return {
    ids: allRules(rules).map(({ id }) => id),
    exceptions: rules.exceptions.map(({ name }) => name),
    overrides: rules.overrides,
  };
}

/** A context of which it is written down what its functions answered; each asks once for the same arguments. */
class AskedContext<C extends ActContext | StoryContext> {
  readonly context: C;
  readonly #data: Record<string, unknown> = {};
  readonly #answers: { [name: string]: [args: readonly unknown[], answer: unknown][] } = {};

  constructor(context: C) {
    const asking: Record<string, unknown> = {};
    for (const [name, value] of Object.entries(context)) {
      if (typeof value === "function") asking[name] = this.#asking(name, value as Ask);
      else asking[name] = value;
      if (typeof value !== "function" && name !== "hostNs") this.#data[name] = value;
    }
    this.context = asking as C;
  }

  /**
   * Asks what other rules could ask; for what costs a look at the container only where `mayLook`. What fails here fails again
   * where a rule asks for it.
   */
  lookAhead(mayLook: boolean): void {
    for (const [name, ask] of Object.entries(this.context)) {
      if (typeof ask !== "function" || ask.length > 0 || (name === "after" && !mayLook)) continue;
      try {
        ask();
      } catch {}
    }
  }

  recorded(): { readonly context: Readonly<Record<string, unknown>>; readonly answers: Answers } {
    return { context: this.#data, answers: this.#answers };
  }

  #asking(name: string, ask: Ask): Ask {
    const answers: [args: readonly unknown[], answer: unknown][] = [];
    this.#answers[name] = answers;
    const asking = (...args: readonly unknown[]): unknown => {
      const known = answers.find(([before]) => before.every((one, index) => one === args[index]));
      if (known !== undefined) return known[1];
      const answer = ask(...args);
      answers.push([args, answer]);
      return answer;
    };
    return Object.defineProperty(asking, "length", { value: ask.length });
  }
}

type Ask = (...args: readonly unknown[]) => unknown;
