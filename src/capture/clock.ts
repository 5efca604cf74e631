const SECOND = 1_000_000_000;

/**
 * Turns CLOCK_BOOTTIME, in which the kernel stamps records, into wall-clock time. The offset between the
 * two moves when the clock is set, so it is read again now and then ({@link Clock.adjust}).
 */
export class Clock {
  readonly #offset: () => bigint;
  #realtimeMinusBoottime = 0n;
  /** When the second of `#prefix` began, in CLOCK_BOOTTIME. */
  #start = 0n;
  #prefix = "";

  /** @param offset CLOCK_REALTIME minus CLOCK_BOOTTIME now, in nanoseconds */
  constructor(offset: () => bigint) {
    this.#offset = offset;
    this.adjust();
  }

  adjust(): void {
    this.#realtimeMinusBoottime = this.#offset();
    // no record is from before the system was started
    this.#start = -BigInt(2 * SECOND);
  }

  /** Since 1970. */
  milliseconds(boottime: bigint): number {
    return Number((boottime + this.#realtimeMinusBoottime) / 1_000_000n);
  }

  /** RFC 3339 in UTC with nine digits of a second. */
  format(boottime: bigint): string {
    // most events fall into the second of the one before
    let nanoseconds = Number(boottime - this.#start);
    if (nanoseconds < 0 || nanoseconds >= SECOND) {
      const time = boottime + this.#realtimeMinusBoottime;
      const second = time / BigInt(SECOND);
      this.#prefix = new Date(Number(second) * 1000).toISOString().slice(0, 20);
      this.#start = second * BigInt(SECOND) - this.#realtimeMinusBoottime;
      nanoseconds = Number(boottime - this.#start);
    }
    return `${this.#prefix}${String(nanoseconds + SECOND).slice(1)}Z`;
  }
}
