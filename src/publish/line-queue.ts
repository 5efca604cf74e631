/** Lines that follow each other in memory, to be written at once. */
export interface Chunk {
  buffer: Buffer;
  /** Bytes of `buffer` in use. */
  used: number;
  /** Where each line ends. */
  readonly ends: number[];
  /** For a line that tells of lost events: how many, by its index. */
  readonly told: Map<number, number>;
}

const CHUNK_SIZE = 256 * 1024;
/** Chunks that are kept for the next lines. */
const MAX_SPARE = 16;

/**
 * Text that waits to be written, as bytes: what is queued costs the garbage collector nothing, and a chunk that was
 * written is used again.
 */
export class LineQueue {
  readonly #limit: number;
  readonly #chunks: Chunk[] = [];
  readonly #spare: Chunk[] = [];
  /** Of the chunk that was taken and not yet given back too. */
  #queued = 0;

  /** @param limit bytes that may be queued */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Bytes that are queued or being written. */
  get queued(): number {
    return this.#queued;
  }

  get isEmpty(): boolean {
    return this.#chunks.length === 0;
  }

  /**
   * Appends `text` and a line feed. False when that does not fit; a line that tells of `told` lost events always
   * does: it is one line.
   */
  push(text: string, told = 0): boolean {
    // as much as UTF-8 can make of it; only where that is too much is it measured
    const atMost = text.length * 3 + 1;
    const needed = this.#queued + atMost > this.#limit ? Buffer.byteLength(text) + 1 : atMost;
    if (told === 0 && this.#queued + needed > this.#limit) return false;
    const chunk = this.#chunkFor(needed);
    const before = chunk.used;
    chunk.used += chunk.buffer.write(text, chunk.used);
    chunk.buffer[chunk.used++] = 0x0a;
    if (told > 0) chunk.told.set(chunk.ends.length, told);
    chunk.ends.push(chunk.used);
    this.#queued += chunk.used - before;
    return true;
  }

  /** Takes the oldest lines, about `bytes` of them if there are, to be given back when they are written. */
  take(bytes: number): Chunk[] {
    let [count, sum] = [0, 0];
    for (; count < this.#chunks.length && sum < bytes; count++) sum += this.#chunks[count]!.used;
    return this.#chunks.splice(0, count);
  }

  giveBack(chunks: readonly Chunk[]): void {
    for (const chunk of chunks) {
      this.#queued -= chunk.used;
      if (chunk.buffer.length > CHUNK_SIZE || this.#spare.length >= MAX_SPARE) continue;
      chunk.used = 0;
      chunk.ends.length = 0;
      chunk.told.clear();
      this.#spare.push(chunk);
    }
  }

  #chunkFor(bytes: number): Chunk {
    const last = this.#chunks.at(-1);
    if (last !== undefined && last.used + bytes <= last.buffer.length) return last;
    const chunk = (bytes <= CHUNK_SIZE ? this.#spare.pop() : undefined) ?? {
      buffer: Buffer.allocUnsafeSlow(Math.max(bytes, CHUNK_SIZE)),
      used: 0,
      ends: [],
      told: new Map(),
    };
    this.#chunks.push(chunk);
    return chunk;
  }
}

/**
 * The lines of which not all is among the first `written` bytes of `chunks`: 0 for an event, else how many lost ones the
 * line told of.
 */
export function* unwritten(chunks: readonly Chunk[], written: number): Generator<number> {
  let before = 0;
  for (const { ends, told, used } of chunks) {
    for (const [index, end] of ends.entries()) if (before + end > written) yield told.get(index) ?? 0;
    before += used;
  }
}

/** Whether the first `written` bytes of `chunks` end with a line. */
export function endsLine(chunks: readonly Chunk[], written: number): boolean {
  let before = 0;
  for (const { ends, used } of chunks) {
    if (written <= before + used) return ends.includes(written - before);
    before += used;
  }
  return true;
}
