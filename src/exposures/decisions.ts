import type { FindingSubject, Severity } from "../event.js";

/** What became of something that a rule found, and why. */
export interface Decision {
  /** RFC 3339. */
  readonly time: string;
  readonly rule: string;
  /** `told`: a finding. Else why there is none, as in {@link Exposures.suppressed}. */
  readonly result: string;
  /** Name of the exception that spared it. */
  readonly exception: string | null;
  readonly subject: FindingSubject;
  /** Of the finding that there is, or would be. */
  readonly finding: string;
  /** `seq` of the event that it is about, for an act. */
  readonly event_seq: number | null;
  readonly severity: Severity | null;
  /** The facts that the rule found, as sentences; as many as a finding has of evidence at most. */
  readonly facts: readonly string[];
}

/** The last decisions of the engine, for who asks why there is a finding, or why there is none. */
export class Decisions {
  readonly #capacity: number;
  readonly #ring: Decision[] = [];
  #next = 0;

  constructor(capacity = 4096) {
    this.#capacity = capacity;
  }

  add(decision: Decision): void {
    this.#ring[this.#next % this.#capacity] = decision;
    this.#next += 1;
  }

  /** How many had to make room for others. */
  get evictions(): number {
    return Math.max(0, this.#next - this.#capacity);
  }

  /** How many there have been; for {@link since}. */
  get total(): number {
    return this.#next;
  }

  /** Those that came after there had been `total`, the first first; what had to make room is left out. */
  since(total: number): Decision[] {
    const first = Math.max(total, this.#next - this.#capacity);
    return Array.from(
      { length: this.#next - first },
      (_, index) => this.#ring[(first + index) % this.#capacity]!,
    );
  }

  /** Those about an event, by its `seq`, or about a finding, by its id; the last first. */
  about(subject: { readonly seq: number } | { readonly finding: string }): Decision[] {
    const found = this.#ring.filter((one) =>
      "seq" in subject ? one.event_seq === subject.seq : one.finding === subject.finding,
    );
    return found.sort((a, b) => (a.time < b.time ? 1 : -1));
  }
}
