import { closeSync, readSync } from "node:fs";
import { LibbpfError } from "./errors.js";
import type { Library, Pointer } from "./library.js";

/** What an iterator's read(2) gives at most: eight pages (kernel/bpf/bpf_iter.c, bpf_seq_read). */
const ITERATOR_CHUNK = 32768;

/** An attached program. It stays attached until detach(), or until the process ends. */
export class BpfLink implements Disposable {
  readonly fd: number;
  readonly #library: Library;
  readonly #program: string;
  #pointer: Pointer | null;

  constructor(library: Library, program: string, pointer: Pointer) {
    this.#library = library;
    this.#program = program;
    this.#pointer = pointer;
    this.fd = library.functions.link_fd(pointer);
  }

  /**
   * Runs an iterator over everything there is now, and returns all that its program wrote. Throws LIBBPF_ITER
   * if the link is detached or none of an iterator, or if the program failed.
   */
  read(): Buffer {
    if (this.#pointer === null) throw new LibbpfError("LIBBPF_ITER", `${this.#program} is detached`);
    const fd = this.#library.functions.iter_create(this.fd);
    if (fd < 0)
      throw new LibbpfError("LIBBPF_ITER", `creating the iterator of ${this.#program}`, { errno: fd });
    try {
      return this.#readToEnd(fd);
    } finally {
      closeSync(fd);
    }
  }

  /** Detaches the program. Once detached it stays so; detaching twice is no error. */
  detach(): void {
    if (this.#pointer === null) return;
    this.#library.functions.link_destroy(this.#pointer);
    this.#pointer = null;
  }

  [Symbol.dispose](): void {
    this.detach();
  }

  #readToEnd(fd: number): Buffer {
    let all = Buffer.allocUnsafe(2 * ITERATOR_CHUNK);
    let length = 0;
    for (;;) {
      if (all.length - length < ITERATOR_CHUNK) {
        const larger = Buffer.allocUnsafe(2 * all.length);
        all.copy(larger, 0, 0, length);
        all = larger;
      }
      const count = this.#readSome(fd, all, length);
      if (count === 0) return all.subarray(0, length);
      length += count;
    }
  }

  #readSome(fd: number, into: Buffer, offset: number): number {
    for (;;) {
      try {
        return readSync(fd, into, offset, into.length - offset, null);
      } catch (error) {
        const { code, errno } = error as NodeJS.ErrnoException;
        // The kernel gives up the processor after a million objects without output (bpf_seq_read).
        if (code === "EAGAIN" || code === "EINTR") continue;
        throw new LibbpfError("LIBBPF_ITER", `reading the iterator of ${this.#program}`, {
          errno,
          cause: error,
        });
      }
    }
  }
}
