import type { KeyholeEvent } from "../event.js";

/**
 * The last events published, by their `seq`, for clients that come back or are slow. Bounded: the oldest make
 * room. The publisher numbers without gaps, so the place of an event follows from its number.
 */
export class RecentEvents {
  readonly #capacity: number;
  readonly #events: KeyholeEvent[] = [];
  #newest = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** `seq` of the newest event, 0 before the first. */
  get newest(): number {
    return this.#newest;
  }

  /** `seq` of the oldest event that is kept, 1 before the first. */
  get oldest(): number {
    return this.#newest - this.#events.length + 1;
  }

  push(event: KeyholeEvent): void {
    this.#newest = event.seq;
    this.#events[event.seq % this.#capacity] = event;
  }

  /** The event with this number, which must be from `oldest` to `newest`. */
  get(seq: number): KeyholeEvent {
    return this.#events[seq % this.#capacity]!;
  }
}
