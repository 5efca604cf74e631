import { LibbpfError } from "./errors.js";
import type { ObjectHandle } from "./handle.js";
import { type Pointer, TEST_RUN_OPTIONS_SIZE } from "./library.js";
import { BpfLink } from "./link.js";

/** enum bpf_prog_type, linux/bpf.h: the types whose test run takes the program's context. */
const CONTEXT_TYPES: ReadonlySet<number> = new Set([
  17, // BPF_PROG_TYPE_RAW_TRACEPOINT
  24, // BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE
  31, // BPF_PROG_TYPE_SYSCALL
]);

/**
 * struct bpf_prog_info, linux/bpf.h. The kernel writes as much of it as it knows and as fits; the room is that of
 * 5.16, and a field that an older kernel does not know stays 0.
 */
const INFO_SIZE = 232;
const INFO_ID = 4;
const INFO_RUN_TIME_NS = 192;
const INFO_RUN_COUNT = 200;
const INFO_RECURSION_MISSES = 208;

/** What the kernel counts for a program: BPF_OBJ_GET_INFO_BY_FD, bpf(2). */
export interface ProgramInfo {
  readonly id: number;
  /** How often it ran, all processors together. 0 unless statistics are on: enableStats(). */
  readonly runCount: bigint;
  /** How long it ran, in nanoseconds, all processors together. 0 unless statistics are on. */
  readonly runTimeNs: bigint;
  /** How often it was skipped because it was already running on that processor; counted since 5.12. */
  readonly recursionMisses: bigint;
}

/** One program of a BPF object. */
export class BpfProgram {
  /** The C function's name. */
  readonly name: string;
  /** Its SEC(): `tp_btf/sys_exit`. */
  readonly section: string;
  /** enum bpf_prog_type, linux/bpf.h. */
  readonly type: number;
  readonly #handle: ObjectHandle;
  readonly #pointer: Pointer;

  constructor(handle: ObjectHandle, pointer: Pointer) {
    const { functions } = handle.library;
    this.#handle = handle;
    this.#pointer = pointer;
    this.name = functions.program_name(pointer);
    this.section = functions.program_section(pointer);
    this.type = functions.program_type(pointer);
  }

  /** The loaded program's file descriptor; it belongs to the object. Throws LIBBPF_STATE if it is not loaded. */
  get fd(): number {
    this.#handle.assertLoaded(`the fd of ${this.name}`);
    const fd = this.#handle.library.functions.program_fd(this.#pointer);
    if (fd < 0) throw new LibbpfError("LIBBPF_STATE", `${this.name} was not loaded`, { errno: fd });
    return fd;
  }

  /** Whether load() loads this program; before load(). A program that is not loaded cannot fail the others. */
  setAutoload(on: boolean): void {
    this.#handle.assertNotLoaded(`setAutoload of ${this.name}`);
    const result = this.#handle.library.functions.program_set_autoload(this.#pointer, on);
    if (result < 0) throw new LibbpfError("LIBBPF_STATE", `setAutoload of ${this.name}`, { errno: result });
  }

  /** Attaches the program to what its section names. Throws LIBBPF_ATTACH. */
  attach(): BpfLink {
    this.#handle.assertLoaded(`attaching ${this.name}`);
    const { library } = this.#handle;
    library.log.clear();
    return this.#link(library.functions.program_attach(this.#pointer));
  }

  /** Makes an iterator of a program of an `iter/…` section; its link is read, not waited for. Throws LIBBPF_ATTACH. */
  attachIter(): BpfLink {
    this.#handle.assertLoaded(`attaching ${this.name}`);
    const { library } = this.#handle;
    library.log.clear();
    return this.#link(library.functions.program_attach_iter(this.#pointer, null));
  }

  /** Throws LIBBPF_INFO. */
  info(): ProgramInfo {
    const info = Buffer.alloc(INFO_SIZE);
    const result = this.#handle.library.functions.obj_get_info_by_fd(this.fd, info, [INFO_SIZE]);
    if (result < 0)
      throw new LibbpfError("LIBBPF_INFO", `reading the counts of ${this.name}`, { errno: result });
    const words = new DataView(info.buffer, info.byteOffset, INFO_SIZE);
    return {
      id: words.getUint32(INFO_ID, true),
      runCount: words.getBigUint64(INFO_RUN_COUNT, true),
      runTimeNs: words.getBigUint64(INFO_RUN_TIME_NS, true),
      recursionMisses: words.getBigUint64(INFO_RECURSION_MISSES, true),
    };
  }

  /**
   * Runs the program once, now, in this thread: BPF_PROG_TEST_RUN, bpf(2). A raw tracepoint's arguments are
   * its u64 words (kernel 5.10); bytes are the context of a program that takes one, else the packet. Returns
   * the program's own return value as 32 unsigned bits. Throws LIBBPF_RUN.
   */
  testRun(args: readonly bigint[] | Uint8Array): { retval: number } {
    const words = args instanceof Uint8Array ? args : new Uint8Array(BigUint64Array.from(args).buffer);
    const bytes = words.length === 0 ? null : words;
    const isContext = !(args instanceof Uint8Array) || CONTEXT_TYPES.has(this.type);
    const options = {
      sz: TEST_RUN_OPTIONS_SIZE,
      data_in: isContext ? null : bytes,
      data_size_in: isContext ? 0 : words.length,
      ctx_in: isContext ? bytes : null,
      ctx_size_in: isContext ? words.length : 0,
      retval: 0,
    };
    const result = this.#handle.library.functions.prog_test_run(this.fd, options);
    if (result < 0) throw new LibbpfError("LIBBPF_RUN", `running ${this.name}`, { errno: result });
    return { retval: options.retval };
  }

  #link(pointer: Pointer | null): BpfLink {
    const { library } = this.#handle;
    if (pointer === null)
      throw library.failedNull("LIBBPF_ATTACH", `attaching ${this.name} (${this.section})`);
    return new BpfLink(library, this.name, pointer);
  }
}
