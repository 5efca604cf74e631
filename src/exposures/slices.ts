import { setImmediate } from "node:timers/promises";

/** Work that can be interrupted wherever it yields. */
export type Sliced<Result> = Generator<void, Result>;

/** How long one slice takes, in milliseconds: events are on stdout within 25 ms while many come. */
const SLICE_MS = 5;

/** Does all of it now. Throws what it throws. */
export function atOnce<Result>(work: Sliced<Result>): Result {
  for (;;) {
    const { done, value } = work.next();
    if (done === true) return value;
  }
}

/** Does it in slices, between which all else has its turn: the ring, clients, timers. Rejects with what it throws. */
export async function inSlices<Result>(work: Sliced<Result>): Promise<Result> {
  for (;;) {
    const end = performance.now() + SLICE_MS;
    do {
      const { done, value } = work.next();
      if (done === true) return value;
    } while (performance.now() < end);
    await setImmediate();
  }
}
