/** Calls and stories that wait for the rules, which are there soon after the start. */
const MAX_WAITING = 10_000;

/** What is judged when the rules are there, in the order in which it happened. */
export class Waiting {
  #judgements: (() => void)[] | null;

  /** `isOpen`: rules are to come. */
  constructor(isOpen: boolean) {
    this.#judgements = isOpen ? [] : null;
  }

  /** Whether rules are still to come. */
  get isOpen(): boolean {
    return this.#judgements !== null;
  }

  /** Judges now, or when the rules are there; the first of too many is judged by those that there are. */
  judge(judge: () => void): void {
    if (this.#judgements === null) {
      judge();
      return;
    }
    this.#judgements.push(judge);
    if (this.#judgements.length > MAX_WAITING) this.#judgements.shift()!();
  }

  /** The rules are there. Gives each judgement to `act`, and waits with none from now on. */
  end(act: (judge: () => void) => void): void {
    const judgements = this.#judgements ?? [];
    this.#judgements = null;
    for (const judge of judgements) act(judge);
  }
}
