import { type KeyholeEvent, SCHEMA_VERSION, type Unnumbered } from "../event.js";
import { serialise } from "./json.js";

/** Somewhere that events go. Neither method may throw, and `write` may not block. */
export interface Sink {
  readonly name: string;
  /** `json` gives the event's line; it may only be called before `write` returns. */
  write(event: KeyholeEvent, json: () => string): void;
  /** Writes what is still queued, within the sink's own time limit. */
  close(): Promise<void>;
}

/** How many events of one kind were published. `syscall` is empty for what is not a system call. */
export interface EventCount {
  readonly event: KeyholeEvent["type"];
  readonly syscall: string;
  readonly count: number;
}

/** Numbers events, counts them and hands them to the sinks. The last stage of the pipeline. */
export class Publisher {
  readonly #node: string;
  readonly #sinks: Sink[] = [];
  /** By event type, then by system call: both are names from fixed tables, so this stays small. */
  readonly #counts = new Map<KeyholeEvent["type"], Map<string, number>>();
  #seq = 0;
  #event: KeyholeEvent | null = null;
  #json: string | null = null;
  /** One function for all events: a closure for each would be garbage in the hot path. */
  readonly #text = (): string => {
    this.#json ??= serialise(this.#event!);
    return this.#json;
  };

  constructor({ node }: { readonly node: string }) {
    this.#node = node;
  }

  addSink(sink: Sink): void {
    this.#sinks.push(sink);
  }

  /** `seq` of the event published last, 0 before the first. */
  get seq(): number {
    return this.#seq;
  }

  /**
   * Publishes `unnumbered` to every sink. Returns the event with its number: of a system call the same object, since a
   * copy of each would be most of what publishing costs; of all else a copy, keys in the published order.
   */
  publish<E extends KeyholeEvent>(unnumbered: Unnumbered<E>): E {
    const event = this.#number(unnumbered);
    this.#count(event);
    this.#event = event;
    this.#json = null;
    for (const sink of this.#sinks) sink.write(event, this.#text);
    this.#event = null;
    this.#json = null;
    return event;
  }

  #number<E extends KeyholeEvent>(unnumbered: Unnumbered<E>): E {
    const [schema, seq, node] = [SCHEMA_VERSION, ++this.#seq, this.#node] as const;
    if (unnumbered.type !== "syscall") {
      const { time, type } = unnumbered;
      return { schema, seq, time, node, type, ...unnumbered } as unknown as E;
    }
    const event = unnumbered as unknown as { -readonly [Member in keyof E]: E[Member] };
    event.schema = schema;
    event.seq = seq;
    event.node = node;
    return event;
  }

  *counts(): Iterable<EventCount> {
    for (const [event, bySyscall] of this.#counts) {
      for (const [syscall, count] of bySyscall) yield { event, syscall, count };
    }
  }

  /** Closes every sink; resolves when the slowest has. */
  async close(): Promise<void> {
    await Promise.all(this.#sinks.map((sink) => sink.close()));
  }

  #count(event: KeyholeEvent): void {
    const syscall = event.type === "syscall" ? event.syscall : "";
    let bySyscall = this.#counts.get(event.type);
    if (bySyscall === undefined) {
      bySyscall = new Map();
      this.#counts.set(event.type, bySyscall);
    }
    bySyscall.set(syscall, (bySyscall.get(syscall) ?? 0) + 1);
  }
}
