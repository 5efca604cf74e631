import { setImmediate, setTimeout } from "node:timers/promises";
import { LibbpfError } from "./errors.js";
import type { BpfMap } from "./map.js";
import { mapMemory, PAGE_SIZE, PROT_READ, PROT_WRITE } from "./memory.js";
import { Wait } from "./wait.js";

const BPF_MAP_TYPE_RINGBUF = 27;

/** linux/bpf.h: a record's header is `u32 length, u32 page offset`, and the length's two top bits are flags. */
const HEADER_SIZE = 8;
/** The sign bit: the producer is still writing. */
const DISCARD_BIT = 1 << 30;
const LENGTH_MASK = DISCARD_BIT - 1;

/** Gets one record's payload: where it begins in `u8` and how long it is, in bytes. */
export type OnRecord = (offset: number, length: number) => void;

export interface RingBufferOptions {
  /**
   * The longest record that a producer writes, in bytes; the size of the ring unless it is said otherwise. A
   * record may wrap around, so that as much of the ring is mapped a second time behind its end.
   */
  readonly maxRecord?: number;
}

export interface RunOptions {
  /** A wake-up within this many milliseconds of the last drain is one of a run of records; 20. */
  readonly quietMs?: number;
  /** How long such a wake-up waits for more before it drains, in milliseconds; 20. */
  readonly batchMs?: number;
  /** How many records are drained before the event loop gets a turn; 8192. */
  readonly limit?: number;
  /** Called after each drain with the number of its records. */
  readonly onBatch?: (records: number) => void;
}

/**
 * The consumer of a BPF_MAP_TYPE_RINGBUF (kernel 5.8), mapped into JavaScript. There must be only one. Layout
 * and memory order: Documentation/bpf/ringbuf.rst and kernel/bpf/ringbuf.c.
 */
export class RingBuffer {
  /** Bytes of the data area: a power of two. */
  readonly size: number;
  /**
   * The data area, read-only, and its beginning once more behind its end, so that a record which wraps around is in
   * one piece. A record's bytes are valid until onRecord returns. Writing here ends the process with SIGSEGV.
   */
  readonly u8: Uint8Array;
  readonly i32: Int32Array;
  readonly u32: Uint32Array;
  readonly u64: BigUint64Array;
  readonly i64: BigInt64Array;
  readonly #map: BpfMap;
  /** The low words of the two positions are enough: they differ by no more than the size, less than 2^32. */
  readonly #producerLow: Int32Array;
  readonly #consumerPage: BigInt64Array;
  #consumer: bigint;
  #closed = false;
  #wait: Wait | null = null;
  #pause: AbortController | null = null;

  /** Throws LIBBPF_RING if the map is no ring buffer or cannot be mapped, LIBBPF_STATE if it is not loaded. */
  constructor(map: BpfMap, { maxRecord = map.maxEntries }: RingBufferOptions = {}) {
    if (map.type !== BPF_MAP_TYPE_RINGBUF) {
      throw new LibbpfError("LIBBPF_RING", `the map ${map.name} is no ring buffer: type ${map.type}`);
    }
    const what = `the ring buffer ${map.name}`;
    this.#map = map;
    this.size = map.maxEntries;
    const consumer = mapMemory("LIBBPF_RING", what, map.fd, PAGE_SIZE, PROT_READ | PROT_WRITE);
    const again = Math.min(this.size, Math.ceil((maxRecord + HEADER_SIZE) / PAGE_SIZE) * PAGE_SIZE);
    const length = PAGE_SIZE + this.size + again;
    const rest = mapMemory("LIBBPF_RING", what, map.fd, length, PROT_READ, PAGE_SIZE);
    this.#consumerPage = new BigInt64Array(consumer, 0, 1);
    this.#consumer = Atomics.load(this.#consumerPage, 0);
    this.#producerLow = new Int32Array(rest, 0, 1);
    this.u8 = new Uint8Array(rest, PAGE_SIZE);
    this.i32 = new Int32Array(rest, PAGE_SIZE);
    this.u32 = new Uint32Array(rest, PAGE_SIZE);
    this.u64 = new BigUint64Array(rest, PAGE_SIZE);
    this.i64 = new BigInt64Array(rest, PAGE_SIZE);
  }

  /** Bytes produced and not yet consumed, headers included. */
  pending(): number {
    return (Atomics.load(this.#producerLow, 0) - Number(BigInt.asIntN(32, this.#consumer))) >>> 0;
  }

  /**
   * Hands each committed record to `onRecord`, oldest first, until the ring is empty, a record is still being
   * written or `limit` were handed over; discarded ones are skipped. Then gives the room back to the producers, all at
   * once. If `onRecord` throws, its record counts as consumed and the error goes on to the caller. Returns how
   * many were handed over.
   */
  drain(onRecord: OnRecord, limit = Number.POSITIVE_INFINITY): number {
    if (this.#closed) throw new LibbpfError("LIBBPF_STATE", "the ring buffer is closed");
    const { i32 } = this;
    const mask = this.size - 1;
    const start = Number(BigInt.asIntN(32, this.#consumer));
    let at = start;
    let records = 0;
    try {
      // Loading the position again picks up what was committed meanwhile.
      while (records < limit && at !== Atomics.load(this.#producerLow, 0)) {
        const offset = at & mask;
        const header = Atomics.load(i32, offset >>> 2);
        if (header < 0) break;
        const length = header & LENGTH_MASK;
        at = (at + ((length + HEADER_SIZE + 7) & ~7)) | 0;
        if ((header & DISCARD_BIT) !== 0) continue;
        records++;
        onRecord(offset + HEADER_SIZE, length);
      }
    } finally {
      if (at !== start) {
        this.#consumer += BigInt((at - start) >>> 0);
        Atomics.store(this.#consumerPage, 0, this.#consumer);
      }
    }
    return records;
  }

  /**
   * Drains whenever there is something, until stop(). A record after silence is handed over at once; while they
   * keep coming, drains are `batchMs` apart, since wake-ups are what a busy ring costs most. The promise
   * rejects with what `onRecord` or `onBatch` throws.
   */
  async run(onRecord: OnRecord, options: RunOptions = {}): Promise<void> {
    const { quietMs = 20, batchMs = 20, limit = 8192, onBatch } = options;
    if (this.#closed || this.#wait !== null) {
      throw new LibbpfError(
        "LIBBPF_STATE",
        `the ring buffer is ${this.#closed ? "closed" : "already running"}`,
      );
    }
    const wait = new Wait(this.#map.fd);
    const pause = new AbortController();
    this.#wait = wait;
    this.#pause = pause;
    try {
      let last = Number.NEGATIVE_INFINITY;
      while (!pause.signal.aborted) {
        await wait.readable();
        const isRun = performance.now() - last < quietMs;
        do {
          // in a run nobody has to be woken, as long as there is something at every look
          if (isRun) await sleep(batchMs, pause.signal);
          if (this.pending() === 0) break;
          await this.#drainAll(onRecord, limit, pause.signal, onBatch);
          last = performance.now();
        } while (isRun && !pause.signal.aborted);
      }
    } finally {
      this.#wait = null;
      this.#pause = null;
      wait[Symbol.dispose]();
    }
  }

  /** In turns of `limit`, between which others have theirs. */
  async #drainAll(
    onRecord: OnRecord,
    limit: number,
    signal: AbortSignal,
    onBatch?: (records: number) => void,
  ): Promise<void> {
    let records = limit;
    while (records === limit && !signal.aborted) {
      records = this.drain(onRecord, limit);
      onBatch?.(records);
      if (records === limit) await setImmediate();
    }
  }

  /** Makes run() resolve soon. A last drain() is the caller's to do. No error if nothing runs. */
  stop(): void {
    this.#pause?.abort();
    this.#wait?.wake();
  }

  /**
   * Ends the use of the ring; throws LIBBPF_STATE while run() is pending. The memory is given back when the
   * views are collected, so that one that is still held stays valid.
   */
  close(): void {
    if (this.#wait !== null)
      throw new LibbpfError("LIBBPF_STATE", "the ring buffer is still running: stop() first");
    this.#closed = true;
  }
}

async function sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
  try {
    await setTimeout(milliseconds, undefined, { signal });
  } catch {
    // Aborted by stop().
  }
}
