/**
 * Turns CLOCK_BOOTTIME, in which the kernel stamps records, into wall-clock time. The offset between the
 * two moves when the clock is set, so it is read again now and then ({@link Clock.adjust}).
 */
export class Clock {
  readonly #offset: () => bigint;
  #realtimeMinusBoottime = 0n;
  #second = -1n;
  #prefix = "";

  /** @param offset CLOCK_REALTIME minus CLOCK_BOOTTIME now, in nanoseconds */
  constructor(offset: () => bigint) {
    this.#offset = offset;
    this.adjust();
  }

  adjust(): void {
    this.#realtimeMinusBoottime = this.#offset();
  }

  /** RFC 3339 in UTC with nine digits of a second. */
  format(boottime: bigint): string {
    const time = boottime + this.#realtimeMinusBoottime;
    const second = time / 1_000_000_000n;
    // most events fall into the second of the one before
    if (second !== this.#second) {
      this.#second = second;
      this.#prefix = new Date(Number(second) * 1000).toISOString().slice(0, 20);
    }
    return `${this.#prefix}${String(Number(time - second * 1_000_000_000n)).padStart(9, "0")}Z`;
  }
}
