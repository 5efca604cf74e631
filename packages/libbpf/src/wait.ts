import { closeSync, writeSync } from "node:fs";
import koffi, { type KoffiFunc } from "koffi";
import { LibbpfError } from "./errors.js";

const libc = koffi.load(null);
const epoll_create1 = libc.func("int epoll_create1(int flags)") as (flags: number) => number;
const epoll_ctl = libc.func("int epoll_ctl(int epfd, int op, int fd, void *event)") as (
  epfd: number,
  op: number,
  fd: number,
  event: Uint8Array,
) => number;
const epoll_wait = libc.func("int epoll_wait(int epfd, void *events, int count, int timeout)") as KoffiFunc<
  (epfd: number, events: bigint, count: number, timeout: number) => number
>;
const eventfd = libc.func("int eventfd(unsigned int value, int flags)") as (
  value: number,
  flags: number,
) => number;

const CLOEXEC = 0o2000000;
const EPOLL_CTL_ADD = 1;
const EPOLLIN = 1;
/** struct epoll_event: `u32 events; u64 data`, packed to 12 bytes on x86-64 only, else 16 (sys/epoll.h). */
const EPOLL_EVENT_SIZE = 16;

/**
 * Waits for a file descriptor to become readable, in a thread of libuv's pool, so that the event loop is free and
 * nothing runs while nothing happens. epoll_wait(2) has no time-out; an eventfd in the same set ends it.
 */
export class Wait implements Disposable {
  readonly #epoll: number;
  readonly #event: number;
  /** Memory that no garbage collection moves, since the thread writes to it meanwhile. */
  readonly #events = koffi.alloc("uint8_t", EPOLL_EVENT_SIZE) as bigint;
  readonly #atExit = (): void => this.wake();

  constructor(fd: number) {
    const opened: number[] = [];
    try {
      opened.push(check("epoll_create1", epoll_create1(CLOEXEC)));
      opened.push(check("eventfd", eventfd(0, CLOEXEC)));
      [this.#epoll = -1, this.#event = -1] = opened;
      const event = new Uint8Array(EPOLL_EVENT_SIZE);
      event[0] = EPOLLIN;
      check("epoll_ctl", epoll_ctl(this.#epoll, EPOLL_CTL_ADD, fd, event));
      check("epoll_ctl", epoll_ctl(this.#epoll, EPOLL_CTL_ADD, this.#event, event));
    } catch (error) {
      for (const fd of opened) closeSync(fd);
      koffi.free(this.#events);
      throw error;
    }
    // process.exit() waits for libuv's threads.
    process.on("exit", this.#atExit);
  }

  /** Resolves when the file is readable, after wake(), or for no reason (EINTR): the caller looks itself. */
  readable(): Promise<void> {
    return new Promise((resolve, reject) => {
      epoll_wait.async(this.#epoll, this.#events, 1, -1, (error: unknown) => {
        if (error) reject(error);
        else resolve();
      });
    });
  }

  /** Ends this and every later wait. */
  wake(): void {
    writeSync(this.#event, new BigUint64Array([1n]));
  }

  /** Only when no wait is pending. */
  [Symbol.dispose](): void {
    process.off("exit", this.#atExit);
    closeSync(this.#epoll);
    closeSync(this.#event);
    koffi.free(this.#events);
  }
}

function check(call: string, result: number): number {
  if (result < 0) throw new LibbpfError("LIBBPF_RING", call, { errno: koffi.errno() });
  return result;
}
