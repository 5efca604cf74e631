/** How much was lost since the start, by reason. What the metrics show and the stream tells. */
export class Losses {
  readonly #totals = new Map<string, number>();

  /** Takes over a total that is counted elsewhere; returns by how much it has grown. */
  raise(reason: string, total: number): number {
    const growth = total - (this.#totals.get(reason) ?? 0);
    if (growth > 0) this.#totals.set(reason, total);
    return Math.max(0, growth);
  }

  totals(): ReadonlyMap<string, number> {
    return this.#totals;
  }
}
