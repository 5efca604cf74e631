import { closeSync, constants, fsync, ftruncateSync, lstatSync, openSync, unlinkSync } from "node:fs";
import { KeyholeError } from "../errors.js";
import { type Chunk, LineQueue, unwritten } from "../publish/line-queue.js";
import { type Output, openOutput } from "../publish/output.js";

export interface RecordingFile {
  readonly path: string;
  /** Replace a file that is there already. */
  readonly overwrite: boolean;
  /** Bytes after which nothing more is recorded; 0: no limit. */
  readonly maxSize: number;
}

export interface RecordingWriterOptions {
  /** Bytes that may wait for the disk; 32 MiB unless it is said otherwise. */
  readonly maxQueued?: number;
  /** Milliseconds that close() waits for the disk; 400 unless it is said otherwise. */
  readonly closeTimeout?: number;
  readonly onError?: (error: NodeJS.ErrnoException) => void;
}

/** Why lines of a recording are not written; the same words are reasons of lost events. */
export const RECORDING_LOSSES = ["record-queue", "record-error", "record-full", "record-value"] as const;
export type RecordingLoss = (typeof RECORDING_LOSSES)[number];

const RETRY_MS = 1_000;

/**
 * Lines of a recording on their way to the disk. Never blocks: what does not fit into the queue is counted, and a line
 * that tells of it stands in the place of what is missing. The file always ends with a whole line, or nearly so: what
 * a failed write left of one is cut off.
 */
export class RecordingWriter {
  readonly #fd: number;
  readonly #output: Output;
  readonly #queue: LineQueue;
  readonly #maxSize: number;
  readonly #closeTimeout: number;
  readonly #onError: (error: NodeJS.ErrnoException) => void;
  readonly #losses = new Map<RecordingLoss, number>(RECORDING_LOSSES.map((reason) => [reason, 0]));
  /** Bytes of whole batches in the file. */
  #size = 0;
  /** Nothing more is recorded; the one line that says so may be beyond the limit. */
  #full = false;
  #writing: readonly Chunk[] = [];
  #scheduled = false;
  #retry: NodeJS.Timeout | null = null;
  /** Lines that are missing and that no line has told of. */
  #untold = 0;
  #why: RecordingLoss = "record-queue";
  #closed = false;
  #drained: (() => void) | null = null;

  /** Makes the file, readable by its owner alone. Throws KEYHOLE_RECORD. */
  constructor(file: RecordingFile, options: RecordingWriterOptions = {}) {
    this.#fd = createRecording(file);
    this.#output = openOutput(this.#fd);
    this.#queue = new LineQueue(options.maxQueued ?? 32 * 1024 * 1024);
    this.#maxSize = file.maxSize === 0 ? Number.POSITIVE_INFINITY : file.maxSize;
    this.#closeTimeout = options.closeTimeout ?? 400;
    this.#onError = options.onError ?? (() => {});
  }

  /** Lines that were not written, by reason. */
  get losses(): ReadonlyMap<RecordingLoss, number> {
    return this.#losses;
  }

  /** False when the line is not recorded; it has been counted then. */
  push(line: string): boolean {
    if (this.#closed) return false;
    if (this.#isFull(line)) return this.lose("record-full");
    // one gap and not a thousand: what follows on a loss is lost until the disk has taken a batch
    if (this.#untold > 0) return this.lose(this.#why);
    if (!this.#queue.push(line)) return this.lose("record-queue");
    this.#schedule();
    return true;
  }

  /** Counts a line that is not recorded, and says so in the recording. */
  lose(why: RecordingLoss): false {
    const reason = this.#full ? "record-full" : why;
    this.#losses.set(reason, this.#losses.get(reason)! + 1);
    if (this.#full) return false;
    this.#full = why === "record-full";
    this.#untold += 1;
    this.#why = why;
    // there is room for what follows
    if (why === "record-value") this.#tellLost();
    this.#schedule();
    return false;
  }

  /** Writes what is queued, as far as `closeTimeout` suffices, and has the disk keep it. */
  async close(): Promise<void> {
    if (this.#closed) return;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#drained = resolve;
      timer = setTimeout(resolve, this.#closeTimeout);
      this.#flush();
    });
    clearTimeout(timer);
    this.#closed = true;
    if (this.#retry !== null) clearTimeout(this.#retry);
    const lines = [...this.#writing, ...this.#queue.take(Number.POSITIVE_INFINITY)];
    // a thread may still be writing: the descriptor stays open then, and the process ends
    if (lines.length > 0) {
      const missing = [...unwritten(lines, 0)].filter((told) => told === 0).length;
      this.#losses.set("record-queue", this.#losses.get("record-queue")! + missing);
      this.#output.destroy();
      return;
    }
    await new Promise<void>((resolve) => fsync(this.#fd, () => resolve()));
    closeSync(this.#fd);
  }

  #isFull(line: string): boolean {
    return this.#full || this.#size + this.#queue.queued + line.length + 1 > this.#maxSize;
  }

  #schedule(): void {
    if (this.#scheduled || this.#closed || this.#writing.length > 0) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#flush();
    });
  }

  #flush(): void {
    if (this.#closed || this.#writing.length > 0 || this.#retry !== null) return;
    if (this.#queue.isEmpty) this.#tellLost();
    this.#writing = this.#queue.take(this.#output.batch);
    if (this.#writing.length === 0) {
      this.#drained?.();
      return;
    }
    const lines = this.#writing.map(({ buffer, used }) => buffer.subarray(0, used));
    this.#output.write(lines, (error) => {
      if (this.#closed) return;
      if (error === null) this.#wrote();
      else this.#failed(error);
    });
  }

  #wrote(): void {
    this.#size += this.#writing.reduce((sum, { used }) => sum + used, 0);
    this.#queue.giveBack(this.#writing);
    this.#writing = [];
    this.#flush();
  }

  /** What was being written and what waits is lost; a torn line is cut off, so that what follows can be read. */
  #failed(error: NodeJS.ErrnoException): void {
    const lines = [...this.#writing, ...this.#queue.take(Number.POSITIVE_INFINITY)];
    for (const told of unwritten(lines, 0)) {
      this.#untold += told === 0 ? 1 : told;
      if (told === 0) this.#losses.set("record-error", this.#losses.get("record-error")! + 1);
    }
    this.#why = "record-error";
    this.#queue.giveBack(lines);
    this.#writing = [];
    try {
      ftruncateSync(this.#fd, this.#size);
    } catch {
      // then the torn line stays, and replay says where it is
    }
    this.#onError(error);
    this.#retry = setTimeout(() => {
      this.#retry = null;
      this.#flush();
    }, RETRY_MS);
    this.#retry.unref();
    this.#drained?.();
  }

  /** Room for it is always made: it is one line. */
  #tellLost(): void {
    if (this.#untold === 0) return;
    this.#queue.push(JSON.stringify({ lost: this.#untold, reason: this.#why }), this.#untold);
    this.#untold = 0;
  }
}

const NEW = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_EXCL;

/** Makes the file of a recording, readable by its owner alone; returns its descriptor. Throws KEYHOLE_RECORD. */
export function createRecording({ path, overwrite }: RecordingFile): number {
  try {
    if (overwrite) removeFile(path);
    return openSync(path, NEW, 0o600);
  } catch (error) {
    if (error instanceof KeyholeError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    const exists = code === "EEXIST";
    throw new KeyholeError(
      exists ? `there is a file ${path} already` : `the recording ${path} cannot be written`,
      {
        code: "KEYHOLE_RECORD",
        expected: exists ? "the name of a file that does not exist" : "a file that can be made",
        found: code ?? String(error),
        hint: exists ? "choose another name, or replace it with --record-overwrite" : "check the directory",
        cause: error,
      },
    );
  }
}

/** The name alone: what other links or programs have of the file stays as it is. */
function removeFile(path: string): void {
  const there = lstatSync(path, { throwIfNoEntry: false });
  if (there === undefined) return;
  if (!there.isFile() && !there.isSymbolicLink()) {
    throw new KeyholeError(`${path} is no file`, {
      code: "KEYHOLE_RECORD",
      expected: "the name of a file that does not exist, or of a regular file",
      found: there.isDirectory() ? "a directory" : "a device, a pipe or a socket",
      hint: "choose another name",
    });
  }
  unlinkSync(path);
}
