import type { KeyholeEvent } from "../event.js";
import { serialise } from "./json.js";
import { lostInPlaceOf } from "./lost.js";
import { type Output, openOutput } from "./output.js";
import type { Sink } from "./publisher.js";

export type Format = (event: KeyholeEvent, json: () => string) => string;

export interface StdoutOptions {
  /** File descriptor; 1 unless it is said otherwise. */
  readonly fd?: number;
  /** One event as a line; JSON unless it is said otherwise. */
  readonly format?: Format;
  /** Bytes that may wait for the reader; 32 MiB unless it is said otherwise. */
  readonly maxQueued?: number;
  /** Milliseconds that close() waits for the reader; 500 unless it is said otherwise. */
  readonly closeTimeout?: number;
  /** The reader has gone (EPIPE): nothing more will be written. */
  readonly onClosed?: () => void;
  /** A write failed for another reason, as ENOSPC. It is tried again every second. */
  readonly onError?: (error: NodeJS.ErrnoException) => void;
}

/** One line in the queue; `lost` is how many events it stands for when it is a `lost` message, else 0. */
interface Line {
  readonly text: string;
  readonly lost: number;
}

const RETRY_MS = 1_000;

/**
 * Events as lines on stdout. Never blocks and never grows beyond `maxQueued`: when the reader stops, what
 * does not fit is counted, and when it reads again a `lost` line stands where those events would have been.
 */
export class StdoutSink implements Sink {
  readonly name = "stdout";
  readonly #output: Output;
  readonly #format: Format;
  readonly #maxQueued: number;
  readonly #closeTimeout: number;
  readonly #onClosed: () => void;
  readonly #onError: (error: NodeJS.ErrnoException) => void;
  #lines: Line[] = [];
  /** The lines that the output is writing. */
  #batch: Line[] = [];
  /** Bytes of `#lines` and `#batch`. */
  #queued = 0;
  #scheduled = false;
  #closed = false;
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
    this.#maxQueued = options.maxQueued ?? 32 * 1024 * 1024;
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
    return this.#queued;
  }

  write(event: KeyholeEvent, json: () => string): void {
    if (this.#closed) return;
    this.#last = event;
    // Once something was lost, all is until the reader takes a batch: one gap, not a thousand.
    if (this.#untold > 0 || !this.#push({ text: this.#format(event, json), lost: 0 })) {
      this.#untold++;
      this.#lost++;
      this.#schedule();
    }
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
    this.#lose([...this.#batch, ...this.#lines]);
    this.#end();
  }

  #push(line: Line): boolean {
    const bytes = sizeOf(line);
    if (this.#queued + bytes > this.#maxQueued && line.lost === 0) return false;
    this.#lines.push(line);
    this.#queued += bytes;
    this.#schedule();
    return true;
  }

  /** The flush runs when this turn of the event loop has published all that it has. */
  #schedule(): void {
    if (this.#scheduled || this.#batch.length > 0) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#flush();
    });
  }

  #flush(): void {
    if (this.#batch.length > 0 || this.#closed || this.#retry !== null) return;
    if (this.#lines.length === 0) this.#tellLost();
    if (this.#lines.length === 0) {
      this.#drained?.();
      return;
    }
    this.#batch = this.#lines.splice(0, this.#batchLength());
    const text = this.#batch.map((line) => line.text).join("\n");
    const bytes = Buffer.from(`${this.#torn ? "\n" : ""}${text}\n`);
    this.#output.write(bytes, (error, written) => {
      if (this.#closed) return;
      if (error === null) this.#wrote();
      else this.#failed(error, bytes.subarray(0, written));
    });
  }

  #batchLength(): number {
    let length = 0;
    for (const [index, { text }] of this.#lines.entries()) {
      length += text.length;
      if (length > this.#output.batch) return index + 1;
    }
    return this.#lines.length;
  }

  #wrote(): void {
    this.#torn = false;
    for (const line of this.#batch) this.#queued -= sizeOf(line);
    this.#batch = [];
    this.#tellLost();
    this.#flush();
  }

  #failed(error: NodeJS.ErrnoException, written: Buffer): void {
    if (error.code === "EPIPE" || this.#output.isGone(error)) {
      this.#end();
      this.#onClosed();
      return;
    }
    if (written.length > 0) this.#torn = written.at(-1) !== 0x0a;
    this.#lose([...this.#batch.slice(lineFeeds(written)), ...this.#lines]);
    this.#batch = [];
    this.#lines = [];
    this.#queued = 0;
    this.#onError(error);
    this.#retry = setTimeout(() => {
      this.#retry = null;
      this.#flush();
    }, RETRY_MS);
    this.#retry.unref();
    this.#drained?.();
  }

  #lose(lines: readonly Line[]): void {
    for (const { lost } of lines) {
      this.#untold += lost === 0 ? 1 : lost;
      if (lost === 0) this.#lost++;
    }
  }

  /** Queues the line that tells of the gap, if there is one. It may exceed the bound: it is one line. */
  #tellLost(): void {
    if (this.#untold === 0 || this.#last === null) return;
    const event = lostInPlaceOf(this.#last, "stdout-queue", this.#untold);
    this.#untold = 0;
    this.#push({ text: this.#format(event, () => serialise(event)), lost: event.count });
  }

  #end(): void {
    this.#closed = true;
    this.#lines = [];
    this.#batch = [];
    this.#queued = 0;
    if (this.#retry !== null) clearTimeout(this.#retry);
    this.#output.destroy();
    this.#drained?.();
  }
}

function sizeOf({ text }: Line): number {
  return Buffer.byteLength(text) + 1;
}

function lineFeeds(bytes: Buffer): number {
  let count = 0;
  for (let at = bytes.indexOf(0x0a); at >= 0; at = bytes.indexOf(0x0a, at + 1)) count++;
  return count;
}
