import type { Capture, CaptureLosses } from "./capture/capture.js";
import type { LostEvent, Unnumbered } from "./event.js";
import type { Recorder } from "./exposures/recorder.js";
import { Losses } from "./publish/losses.js";
import type { Records } from "./records.js";

export interface LossReportOptions {
  readonly capture: Capture;
  readonly records: Records;
  readonly recorder: Recorder | null;
  readonly now: () => string;
  readonly publish: (event: Unnumbered<LostEvent>) => void;
}

/** Looks at every place that can lose something, and tells by how much it has grown. */
export class LossReport {
  readonly #options: LossReportOptions;
  readonly #losses = new Losses();
  /** As they were told last. */
  #captured: CaptureLosses | null = null;

  constructor(options: LossReportOptions) {
    this.#options = options;
  }

  /** Since the start, by reason. */
  totals(): ReadonlyMap<string, number> {
    return this.#losses.totals();
  }

  /** Tells what was lost since the last look. True when the kernel lost some: what those would have told has to be read. */
  check(): boolean {
    const { capture, records, recorder } = this.#options;
    this.tell("decode", records.undecoded);
    for (const [reason, lines] of recorder?.losses ?? []) this.tell(reason, lines);
    const losses = capture.losses();
    if (losses === this.#captured) return false;
    this.#captured = losses;
    let told = false;
    for (const [reason, total] of Object.entries(losses)) if (this.tell(reason, Number(total))) told = true;
    return told;
  }

  /** Tells how often programs were skipped because another task was in the same one on that processor. */
  checkMissed(): void {
    const missed = Object.entries(this.#options.capture.missed()).filter(([, misses]) => misses > 0n);
    const total = missed.reduce((sum, [, misses]) => sum + misses, 0n);
    const programs = Object.fromEntries(missed.map(([program, misses]) => [program, Number(misses)]));
    this.tell("recursion", Number(total), { programs });
  }

  /** Tells how much `total` has grown for `reason`; false when it has not. */
  tell(reason: string, total: number, details: Pick<LostEvent, "programs"> = {}): boolean {
    const count = this.#losses.raise(reason, total);
    if (count === 0) return false;
    this.#options.publish({ type: "lost", time: this.#options.now(), reason, count, ...details });
    return true;
  }
}
