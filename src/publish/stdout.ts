import type { KeyholeEvent } from "../event.js";
import { serialise } from "./json.js";
import { type Chunk, endsLine, LineQueue, unwritten } from "./line-queue.js";
import { lostInPlaceOf } from "./lost.js";
import { type Output, openOutput } from "./output.js";
import type { Sink } from "./publisher.js";

export type Format = (event: KeyholeEvent, json: () => string) => string;

export interface StdoutOptions {
  /** File descriptor; 1 unless it is said otherwise. */
  readonly fd?: number;
  /** One event as a line; JSON unless it is said otherwise. */
  readonly format?: Format;
  /** Bytes that may wait for the reader; 48 MiB unless it is said otherwise. */
  readonly maxQueued?: number;
  /**
   * Called with true when half of `maxQueued` waits, and with false when no more than a quarter does. The other half has
   * room for what is in the ring by then.
   */
  readonly onBehind?: (behind: boolean) => void;
  /** Milliseconds that close() waits for the reader; 500 unless it is said otherwise. */
  readonly closeTimeout?: number;
  /** The reader has gone (EPIPE): nothing more will be written. */
  readonly onClosed?: () => void;
  /** A write failed for another reason, as ENOSPC. It is tried again every second. */
  readonly onError?: (error: NodeJS.ErrnoException) => void;
}

const RETRY_MS = 1_000;
const LINE_FEED = Buffer.from("\n");

/**
 * Events as lines on stdout. Never blocks and never grows beyond `maxQueued`: when the reader stops, what
 * does not fit is counted, and when it reads again a `lost` line stands where those events would have been.
 */
export class StdoutSink implements Sink {
  readonly name = "stdout";
  readonly #output: Output;
  readonly #format: Format;
  readonly #queue: LineQueue;
  readonly #maxQueued: number;
  readonly #onBehind: (behind: boolean) => void;
  readonly #closeTimeout: number;
  readonly #onClosed: () => void;
  readonly #onError: (error: NodeJS.ErrnoException) => void;
  /** What the output is writing. */
  #writing: readonly Chunk[] = [];
  #scheduled = false;
  #closed = false;
  #behind = false;
  /** The last write stopped inside a line: the next one begins with a line feed. */
  #torn = false;
  #retry: NodeJS.Timeout | null = null;
  #last: KeyholeEvent | null = null;
  /** Lost events that no line has told of yet. */
  #untold = 0;
  #lost = 0;
  #drained: (() => void) | null = null;

  constructor(options: StdoutOptions = {}) {
    this.#output = openOutput(options.fd ?? 1);
    this.#format = options.format ?? ((_event, json) => json());
    this.#maxQueued = options.maxQueued ?? 48 * 1024 * 1024;
    this.#queue = new LineQueue(this.#maxQueued);
    this.#onBehind = options.onBehind ?? (() => {});
    this.#closeTimeout = options.closeTimeout ?? 500;
    this.#onClosed = options.onClosed ?? (() => {});
    this.#onError = options.onError ?? (() => {});
  }

  /** Events that did not fit or could not be written, since the start. */
  get lost(): number {
    return this.#lost;
  }

  /** Bytes that wait for the reader. */
  get queued(): number {
    return this.#queue.queued;
  }

  write(event: KeyholeEvent, json: () => string): void {
    if (this.#closed) return;
    this.#last = event;
    // Once something was lost, all is until the reader takes a batch: one gap, not a thousand.
    if (this.#untold > 0 || !this.#queue.push(this.#format(event, json))) {
      this.#untold++;
      this.#lost++;
    }
    this.#checkBehind();
    this.#schedule();
  }

  #checkBehind(): void {
    const behind = this.#queue.queued > this.#maxQueued / (this.#behind ? 4 : 2);
    if (behind === this.#behind) return;
    this.#behind = behind;
    this.#onBehind(behind);
  }

  /** Writes what is queued; what `closeTimeout` does not suffice for is given up and counted as lost. */
  async close(): Promise<void> {
    if (this.#closed) return;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#drained = resolve;
      timer = setTimeout(resolve, this.#closeTimeout);
      this.#flush();
    });
    clearTimeout(timer);
    this.#loseAll(0);
    this.#end();
  }

  /** The flush runs when this turn of the event loop has published all that it has. */
  #schedule(): void {
    if (this.#scheduled || this.#writing.length > 0) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#flush();
    });
  }

  #flush(): void {
    if (this.#writing.length > 0 || this.#closed || this.#retry !== null) return;
    if (this.#queue.isEmpty) this.#tellLost();
    this.#writing = this.#queue.take(this.#output.batch);
    if (this.#writing.length === 0) {
      this.#drained?.();
      return;
    }
    const lines = this.#writing.map(({ buffer, used }) => buffer.subarray(0, used));
    // what is left of a torn line ends here
    const torn = this.#torn;
    this.#output.write(torn ? [LINE_FEED, ...lines] : lines, (error, written) => {
      if (this.#closed) return;
      if (error === null) this.#wrote();
      else this.#failed(error, torn ? written - LINE_FEED.length : written);
    });
  }

  #wrote(): void {
    this.#torn = false;
    this.#queue.giveBack(this.#writing);
    this.#writing = [];
    this.#checkBehind();
    this.#tellLost();
    this.#flush();
  }

  #failed(error: NodeJS.ErrnoException, written: number): void {
    if (error.code === "EPIPE" || this.#output.isGone(error)) {
      this.#end();
      this.#onClosed();
      return;
    }
    if (written > 0) this.#torn = !endsLine(this.#writing, written);
    this.#loseAll(Math.max(0, written));
    this.#onError(error);
    this.#retry = setTimeout(() => {
      this.#retry = null;
      this.#flush();
    }, RETRY_MS);
    this.#retry.unref();
    this.#drained?.();
  }

  /** Gives up what is queued, and of what is being written all but the first `written` bytes. */
  #loseAll(written: number): void {
    const chunks = [...this.#writing, ...this.#queue.take(Number.POSITIVE_INFINITY)];
    for (const told of unwritten(chunks, written)) {
      this.#untold += told === 0 ? 1 : told;
      if (told === 0) this.#lost++;
    }
    this.#queue.giveBack(chunks);
    this.#writing = [];
  }

  /** Queues the line that tells of the gap, if there is one. It may exceed the bound: it is one line. */
  #tellLost(): void {
    if (this.#untold === 0 || this.#last === null) return;
    const event = lostInPlaceOf(this.#last, "stdout-queue", this.#untold);
    this.#untold = 0;
    this.#queue.push(
      this.#format(event, () => serialise(event)),
      event.count,
    );
    this.#schedule();
  }

  #end(): void {
    this.#closed = true;
    if (this.#retry !== null) clearTimeout(this.#retry);
    this.#output.destroy();
    this.#drained?.();
  }
}
