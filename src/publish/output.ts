import { fstatSync, write, writev } from "node:fs";
import { Socket } from "node:net";
import { isatty } from "node:tty";
import { growPipe, reopen } from "./pipe.js";

/** Called at the end of a write; `written` is how many bytes had gone out at an error. */
export type Done = (error: NodeJS.ErrnoException | null, written: number) => void;

/** A file descriptor that is written without ever blocking the event loop. */
export interface Output {
  /** Bytes that one write should have: enough for few system calls, not more than may be given up at the end. */
  readonly batch: number;
  /** Writes all of `buffers`, then calls `done`. One write at a time. */
  write(buffers: readonly Buffer[], done: Done): void;
  /** True when after `error` nobody will ever read again; false when a later write may succeed (ENOSPC). */
  isGone(error: NodeJS.ErrnoException): boolean;
  /** Gives up what is being written, so that the process can end. `done` may not be called any more. */
  destroy(): void;
}

/**
 * The output for `fd`. Node's own process.stdout writes pipes and terminals synchronously, so a reader that
 * stops would stop the agent.
 */
export function openOutput(fd: number): Output {
  const stat = fstatSync(fd);
  if (stat.isFIFO()) {
    growPipe(fd);
    return new StreamOutput(reopen(fd) ?? fd);
  }
  if (stat.isSocket()) return new StreamOutput(fd);
  if (isatty(fd)) {
    const own = reopen(fd);
    if (own !== null) return new RetryOutput(own);
  }
  return new FileOutput(fd);
}

/** Pipes and sockets, which epoll can wait for. */
class StreamOutput implements Output {
  readonly batch = 256 * 1024;
  readonly #socket: Socket;
  #done: Done | null = null;
  #failed: NodeJS.ErrnoException | null = null;

  constructor(fd: number) {
    this.#socket = new Socket({ fd, readable: false, writable: true });
    this.#socket.unref();
    this.#socket.on("error", (error: NodeJS.ErrnoException) => this.#finish(error));
  }

  write(buffers: readonly Buffer[], done: Done): void {
    if (this.#failed !== null) {
      done(this.#failed, 0);
      return;
    }
    this.#done = done;
    this.#socket.ref();
    this.#socket.cork();
    for (const bytes of buffers.slice(0, -1)) this.#socket.write(bytes);
    this.#socket.write(buffers.at(-1) ?? Buffer.of(), (error) => this.#finish(error ?? null));
    this.#socket.uncork();
  }

  /** A broken stream stays broken. */
  isGone(): boolean {
    return true;
  }

  destroy(): void {
    this.#done = null;
    this.#socket.destroy();
  }

  #finish(error: NodeJS.ErrnoException | null): void {
    const done = this.#done;
    this.#done = null;
    this.#failed ??= error;
    if (done === null) return;
    this.#socket.unref();
    done(error, 0);
  }
}

/** Regular files and devices: Node's thread pool writes them. */
class FileOutput implements Output {
  /** A write ends in a later turn of the event loop, so this bounds what is written in one. */
  readonly batch = 4 * 1024 * 1024;
  readonly #fd: number;
  #destroyed = false;

  constructor(fd: number) {
    this.#fd = fd;
  }

  write(buffers: readonly Buffer[], done: Done): void {
    this.#writeFrom(buffers, 0, done);
  }

  isGone(): boolean {
    return false;
  }

  destroy(): void {
    this.#destroyed = true;
  }

  /** `before` bytes of the whole have gone out already. */
  #writeFrom(buffers: readonly Buffer[], before: number, done: Done): void {
    writev(this.#fd, buffers, (error, count) => {
      if (this.#destroyed) return;
      const rest = error === null ? behind(buffers, count) : [];
      if (error !== null) done(error, before);
      else if (rest.length > 0) this.#writeFrom(rest, before + count, done);
      else done(null, before + count);
    });
  }
}

/** What is left of `buffers` behind the first `count` bytes. */
function behind(buffers: readonly Buffer[], count: number): Buffer[] {
  let skip = count;
  return buffers.flatMap((buffer) => {
    const taken = Math.min(skip, buffer.length);
    skip -= taken;
    return taken === buffer.length ? [] : [buffer.subarray(taken)];
  });
}

/** How long to wait before a full terminal is tried again, in milliseconds: doubled while it takes nothing (Ctrl-S). */
const MIN_RETRY_MS = 1;
const MAX_RETRY_MS = 32;

/** Terminals: neither libuv's stream types nor a thread leave them non-blocking, so EAGAIN is retried. */
class RetryOutput implements Output {
  readonly batch = 64 * 1024;
  readonly #fd: number;
  #timer: NodeJS.Timeout | null = null;
  #wait = MIN_RETRY_MS;
  #destroyed = false;

  constructor(fd: number) {
    this.#fd = fd;
  }

  write(buffers: readonly Buffer[], done: Done): void {
    this.#writeFrom(Buffer.concat(buffers), 0, done);
  }

  /** EIO: the terminal has hung up (tty_write() in drivers/tty/tty_io.c). */
  isGone(error: NodeJS.ErrnoException): boolean {
    return error.code === "EIO";
  }

  /** The descriptor stays open: a thread may still be about to write it, and the process ends. */
  destroy(): void {
    this.#destroyed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  #writeFrom(bytes: Buffer, from: number, done: Done): void {
    write(this.#fd, bytes, from, bytes.length - from, null, (error, count) => {
      if (this.#destroyed) return;
      if (error !== null && error.code !== "EAGAIN") {
        done(error, from);
        return;
      }
      if (error !== null) {
        this.#timer = setTimeout(() => this.#writeFrom(bytes, from, done), this.#wait);
        this.#wait = Math.min(this.#wait * 2, MAX_RETRY_MS);
        return;
      }
      this.#wait = MIN_RETRY_MS;
      const next = from + count;
      if (next === bytes.length) done(null, next);
      else this.#writeFrom(bytes, next, done);
    });
  }
}
