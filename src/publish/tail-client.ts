import type { Duplex } from "node:stream";
import type { WebSocket } from "ws";
import { serialise } from "./json.js";
import { lostInPlaceOf } from "./lost.js";
import type { RecentEvents } from "./recent.js";

/** Bytes that may wait for one client. */
const MAX_BUFFERED = 1024 * 1024;
/** How long a client may take to read them, in milliseconds. */
const MAX_STALL_MS = 30_000;

export interface TailClientOptions {
  readonly socket: WebSocket;
  /** The connection below the WebSocket: it tells when everything has been sent. */
  readonly stream: Duplex;
  readonly recent: RecentEvents;
  /** `seq` of the first event to send. */
  readonly next: number;
  /** Reason of the `lost` message when `next` is not kept any more; later gaps are the client's slowness. */
  readonly gapReason: string;
  readonly onDropped: (count: number) => void;
}

/**
 * One WebSocket client: a place in the recent events. While it is slow nothing more is queued for it; when it
 * has read what was queued it goes on from its place, after a `lost` message if that has been overwritten.
 */
export class TailClient {
  readonly #socket: WebSocket;
  readonly #recent: RecentEvents;
  readonly #onDropped: (count: number) => void;
  #next: number;
  #gapReason: string;
  #alive = true;
  #stall: NodeJS.Timeout | null = null;

  constructor({ socket, stream, recent, next, gapReason, onDropped }: TailClientOptions) {
    this.#socket = socket;
    this.#recent = recent;
    this.#next = next;
    this.#gapReason = gapReason;
    this.#onDropped = onDropped;
    socket.on("error", () => socket.terminate());
    socket.on("pong", () => {
      this.#alive = true;
    });
    socket.on("close", () => this.#endStall());
    stream.on("drain", () => {
      if (this.#stall === null) return;
      this.#endStall();
      this.advance();
    });
  }

  /** Sends what is new since the last time; `newest` is the newest event's JSON where it is at hand. */
  advance(newest?: Buffer): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    while (this.#stall === null && this.#next <= this.#recent.newest) {
      if (this.#next < this.#recent.oldest) {
        this.#tellGap(this.#recent.oldest - this.#next);
        continue;
      }
      const isNewest = this.#next === this.#recent.newest;
      this.#send((isNewest ? newest : undefined) ?? this.#recent.get(this.#next));
      this.#next++;
    }
    this.#gapReason = "client-queue";
  }

  /** Says that `count` events before the oldest one kept will not come, and goes on from that. */
  #tellGap(count: number): void {
    const { lastGone } = this.#recent;
    this.#send(serialise(lostInPlaceOf(lastGone, this.#gapReason, count)));
    if (this.#gapReason === "client-queue") this.#onDropped(count);
    this.#next = lastGone.seq + 1;
  }

  /** Sends a ping; a client that did not answer the one before is given up. */
  ping(): void {
    if (!this.#alive) {
      this.#socket.terminate();
      return;
    }
    this.#alive = false;
    this.#socket.ping();
  }

  /** Says goodbye without waiting for the answer (RFC 6455, 1001: going away). */
  close(): void {
    this.#socket.close(1001, "keyhole ends");
  }

  #send(data: string | Buffer): void {
    this.#socket.send(data, { binary: false });
    if (this.#stall !== null || this.#socket.bufferedAmount <= MAX_BUFFERED) return;
    this.#stall = setTimeout(() => this.#socket.terminate(), MAX_STALL_MS);
    this.#stall.unref();
  }

  #endStall(): void {
    if (this.#stall !== null) clearTimeout(this.#stall);
    this.#stall = null;
  }
}
