import type { KeyholeEvent } from "../event.js";

/** What is kept at most: as many events, and as many bytes of them. */
export interface RecentLimits {
  readonly events: number;
  readonly bytes: number;
}

/**
 * The last events published, as the text they went out as, by their `seq`: for clients that come back or are slow. Kept
 * as bytes outside of the heap, which cost the garbage collector nothing; the oldest make room. The publisher numbers
 * without gaps.
 */
export class RecentEvents {
  readonly #limits: RecentLimits;
  readonly #bytes: Buffer;
  /** Of the event `seq` at `seq` modulo the number of events. */
  readonly #starts: Uint32Array;
  readonly #ends: Uint32Array;
  #next = 0;
  /** The newest event, where it is larger than all that may be kept. */
  #huge: string | null = null;
  #newest = 0;
  #oldest = 1;
  #skipped: KeyholeEvent | null = null;

  constructor(limits: RecentLimits) {
    this.#limits = limits;
    this.#bytes = Buffer.allocUnsafeSlow(limits.bytes);
    this.#starts = new Uint32Array(limits.events);
    this.#ends = new Uint32Array(limits.events);
  }

  /** `seq` of the newest event, 0 before the first. */
  get newest(): number {
    return this.#newest;
  }

  /** `seq` of the oldest event that is kept, 1 before the first. */
  get oldest(): number {
    return this.#oldest;
  }

  /** An event that is not kept: nothing before it is either. */
  skip(event: KeyholeEvent): void {
    this.#skipped = event;
    this.#newest = event.seq;
    this.#oldest = event.seq + 1;
    this.#next = 0;
    this.#huge = null;
  }

  /** The last event that is not kept any more, as far as it is known: its number, time and node. */
  get lastGone(): KeyholeEvent {
    if (this.#skipped?.seq === this.#oldest - 1) return this.#skipped;
    const oldest = JSON.parse(this.get(this.#oldest)) as KeyholeEvent;
    return { ...oldest, seq: oldest.seq - 1 };
  }

  /** `text` is not empty. */
  push(seq: number, text: string): void {
    const { events, bytes } = this.#limits;
    this.#newest = seq;
    // as much as UTF-8 can make of it
    const atMost = text.length * 3;
    this.#huge = atMost > bytes ? text : null;
    if (this.#huge !== null) {
      this.#oldest = seq;
      this.#next = 0;
      return;
    }
    // one that did not fit goes as soon as another comes
    if (this.#next === 0) this.#oldest = seq;
    if (this.#next + atMost > bytes) {
      // what lies behind is older than what lies at the beginning
      while (this.#oldest < seq && this.#starts[this.#oldest % events]! >= this.#next) this.#oldest++;
      this.#next = 0;
    }
    const start = this.#next;
    const end = start + this.#bytes.write(text, start);
    while (this.#oldest < seq && (seq - this.#oldest >= events || this.#overlaps(this.#oldest, start, end)))
      this.#oldest++;
    this.#starts[seq % events] = start;
    this.#ends[seq % events] = end;
    this.#next = end;
  }

  /** The text of the event with this number, which must be from `oldest` to `newest`. */
  get(seq: number): string {
    if (this.#huge !== null) return this.#huge;
    const slot = seq % this.#limits.events;
    return this.#bytes.toString("utf8", this.#starts[slot], this.#ends[slot]);
  }

  #overlaps(seq: number, start: number, end: number): boolean {
    const slot = seq % this.#limits.events;
    return this.#starts[slot]! < end && start < this.#ends[slot]!;
  }
}
