import { type FileState, type MountFile, type MountFiles, NOWHERE } from "./mount-files.js";

/** The agent's clocks, as far as looking at files needs them. */
export interface LookClock {
  /** CLOCK_BOOTTIME, nanoseconds. */
  now(): bigint;
  /** That time as events have it. */
  format(time: bigint): string;
  /** Whether every record that was written until then has been applied. */
  isApplied(time: bigint): boolean;
}

/** What the kernel said of some files at one time. */
export interface FileLook<F extends MountFile> {
  /** What was alive was so after this, what was not is gone since some time before `before`. */
  readonly after: string;
  readonly before: string;
  readonly states: ReadonlyMap<F, FileState>;
}

/**
 * Asks the kernel for files, and gives the answer out when all that was told before it is known: a call that ended a
 * story may still wait in the ring when its files are gone already, and so may one that made another file at the same
 * address.
 */
export class FileLooks<F extends MountFile> {
  readonly #clock: LookClock;
  #look: FileLook<F> | null = null;
  #taken = 0n;

  constructor(clock: LookClock) {
    this.#clock = clock;
  }

  /** Looks, unless an answer is waiting; null while it has to. Throws LibbpfError. */
  take(probe: MountFiles, files: () => readonly F[]): FileLook<F> | null {
    this.#look ??= this.#ask(probe, files());
    if (!this.#clock.isApplied(this.#taken)) return null;
    const look = this.#look;
    this.#look = null;
    return look;
  }

  #ask(probe: MountFiles, files: readonly F[]): FileLook<F> {
    const after = this.#clock.now();
    const states = probe.states(files);
    this.#taken = this.#clock.now();
    return {
      after: this.#clock.format(after),
      before: this.#clock.format(this.#taken),
      states: new Map(files.map((file, index) => [file, states[index] ?? NOWHERE])),
    };
  }
}
