import koffi from "koffi";
import type { Pointer } from "./library.js";

/** enum libbpf_print_level, bpf/libbpf.h. */
const LIBBPF_DEBUG = 2;

/**
 * A va_list is passed on as a pointer by both calling conventions that this package knows: as an array of one
 * 24-byte structure on x86-64, as the address of a 32-byte structure on arm64. Reading uses it up, so
 * what is formatted a second time needs a copy made before.
 */
const VA_LIST_SIZE = 32;

const vaList = koffi.array("uint8_t", VA_LIST_SIZE, "Typed");
const print = koffi.proto("int (int level, const char *format, void *arguments)");

/** What libbpf prints, kept instead of going to stderr. */
export class Log {
  /** To be handed to libbpf_set_print. */
  readonly callback: Pointer;
  #text = "";

  constructor() {
    const vsnprintf = koffi
      .load(null)
      .func("int vsnprintf(void *text, size_t size, const char *format, void *arguments)") as (
      text: Uint8Array,
      size: number,
      format: string,
      list: Pointer | Uint8Array,
    ) => number;
    let text = Buffer.alloc(4096);
    this.callback = koffi.register((level: number, format: string, list: Pointer): number => {
      if (level === LIBBPF_DEBUG) return 0;
      const copy = koffi.decode(list, vaList) as Uint8Array;
      let length = vsnprintf(text, text.length, format, list);
      // A verifier log is one line of up to 16 MiB.
      if (length >= text.length) {
        text = Buffer.alloc(length + 1);
        length = vsnprintf(text, text.length, format, copy);
      }
      this.#text += text.toString("utf8", 0, Math.max(length, 0));
      return length;
    }, koffi.pointer(print));
  }

  /** Forgets what was printed so far: what follows belongs to the next operation. */
  clear(): void {
    this.#text = "";
  }

  /** What was printed since clear(). */
  read(): string {
    return this.#text.trimEnd();
  }
}
