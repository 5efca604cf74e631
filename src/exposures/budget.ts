/** A turn may cost this much whatever it is for, in milliseconds. */
const FREE_MS = 2;
/** Who is remembered to have cost too much. */
const MAX_KEYS = 4096;
/** What costs more may be done again after this many times as long. */
const PAUSE_FACTOR = 20;

/**
 * Keeps work that somebody else can ask for, by a container's calls or by the size of its mount table, from taking more
 * than a twentieth of the agent's time. By key, so that one cannot use up what is another's.
 */
export class Budget {
  readonly #now: () => number;
  readonly #notBefore = new Map<string, number>();
  #refused = 0;

  /** @param now milliseconds that never go back */
  constructor(now = () => performance.now()) {
    this.#now = now;
  }

  /** How often {@link run} was refused. */
  get refused(): number {
    return this.#refused;
  }

  /** Does `work` and returns what it gives; null when what was done for `key` before has cost too much. */
  run<T>(key: string, work: () => T): T | null {
    const began = this.#now();
    if (began < (this.#notBefore.get(key) ?? 0)) {
      this.#refused++;
      return null;
    }
    try {
      return work();
    } finally {
      const took = this.#now() - began;
      this.#notBefore.delete(key);
      if (took > FREE_MS) this.#pause(key, began + took * PAUSE_FACTOR);
    }
  }

  forget(key: string): void {
    this.#notBefore.delete(key);
  }

  #pause(key: string, until: number): void {
    this.#notBefore.set(key, until);
    // who paused longest ago may go on a little early
    if (this.#notBefore.size > MAX_KEYS) this.#notBefore.delete(this.#notBefore.keys().next().value!);
  }
}
