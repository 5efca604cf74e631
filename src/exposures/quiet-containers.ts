/** Which containers are to be looked at, and when: as soon as nothing has happened in one for a moment. */

/** A container is looked at when nothing has happened in it for so long, in milliseconds. */
export const QUIET_MS = 200;
/** … and after this long at the latest. */
const PATIENCE_MS = 2_000;

interface Stir {
  readonly since: number;
  last: number;
}

/** Times are those of performance.now(). */
export class QuietContainers {
  readonly #stirred = new Map<string, Stir>();

  /** How many are to be looked at, now or later. */
  get size(): number {
    return this.#stirred.size;
  }

  /** Something happened in this one. */
  stir(id: string): void {
    const now = performance.now();
    const stir = this.#stirred.get(id);
    if (stir === undefined) this.#stirred.set(id, { since: now, last: now });
    else stir.last = now;
  }

  /** All are to be looked at without delay. */
  hurry(): void {
    for (const stir of this.#stirred.values()) stir.last = 0;
  }

  /** Those that are to be looked at now. */
  due(): string[] {
    const now = performance.now();
    return [...this.#stirred]
      .filter(([, { since, last }]) => now - last >= QUIET_MS - 1 || now - since >= PATIENCE_MS)
      .map(([id]) => id);
  }

  /** Is not to be looked at any more. Returns since when it was. */
  take(id: string): number {
    const since = this.#stirred.get(id)?.since ?? performance.now();
    this.#stirred.delete(id);
    return since;
  }

  /** To be looked at later after all: `since` is what {@link take} has returned. */
  putBack(id: string, since: number): void {
    this.#stirred.set(id, { since, last: performance.now() });
  }
}
