/**
 * Gives one value for equal texts, so that what a thousand mount tables have in common is kept once. Bounded by two
 * generations: when the young one is full it becomes the old one, and what nobody asked for since is forgotten.
 */
export class InternTable<T> {
  readonly #limit: number;
  readonly #longest: number;
  #young = new Map<string, T>();
  #old = new Map<string, T>();

  /** Keeps at most twice `limit` values, and none of a text of more than `longest` characters. */
  constructor(limit: number, longest: number) {
    this.#limit = limit;
    this.#longest = longest;
  }

  get size(): number {
    return this.#young.size + this.#old.size;
  }

  /** The value of `text`, made by `make` where it is not known. `text` has one character a byte. */
  get(text: string, make: (text: string) => T): T {
    const known = this.#young.get(text);
    if (known !== undefined) return known;
    const own = flat(text);
    const value = this.#old.get(text) ?? make(own);
    if (text.length > this.#longest) return value;
    if (this.#young.size >= this.#limit) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(own, value);
    return value;
  }
}

/**
 * A copy of `text`, which has one character a byte. V8 makes a part of a string by pointing into the whole, which is
 * then kept as long as the part is.
 */
export function flat(text: string): string {
  return Buffer.from(text, "latin1").toString("latin1");
}
