/** A thing that a rule remembers from one act to the next. */
export interface Slot<Value> {
  /** One rule's own: what two rules remember under one key is kept apart by it. */
  readonly name: string;
  /** What is remembered of a key that is new, or was forgotten. */
  readonly fresh: () => Value;
}

/** What the rules of one engine remember; what was asked for least recently makes room for what is new. */
export class Memory {
  readonly #capacity: number;
  readonly #values = new Map<string, unknown>();
  #evictions = 0;

  constructor(capacity = 4096) {
    this.#capacity = capacity;
  }

  /** How many values were forgotten. */
  get evictions(): number {
    return this.#evictions;
  }

  /** What is remembered of `key`: the same object until it is forgotten. */
  recall<Value>(slot: Slot<Value>, key: string): Value {
    const name = `${slot.name} ${key}`;
    // only fresh() of the same slot can have put it there
    const value = this.#values.has(name) ? (this.#values.get(name) as Value) : slot.fresh();
    this.#values.delete(name);
    this.#values.set(name, value);
    if (this.#values.size > this.#capacity) {
      this.#values.delete(this.#values.keys().next().value!);
      this.#evictions += 1;
    }
    return value;
  }
}
