import { errnoName, LibbpfError } from "./errors.js";
import type { ObjectHandle } from "./handle.js";
import type { Pointer } from "./library.js";
import { mapMemory, PAGE_SIZE, PROT_READ, PROT_WRITE } from "./memory.js";

/** enum bpf_map_type, linux/bpf.h: the maps with a value for each possible processor. */
const PER_CPU_TYPES: ReadonlySet<number> = new Set([
  5, // BPF_MAP_TYPE_PERCPU_HASH
  6, // BPF_MAP_TYPE_PERCPU_ARRAY
  10, // BPF_MAP_TYPE_LRU_PERCPU_HASH
  21, // BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE
]);

/** One map of a BPF object. Keys and values are bytes in the machine's byte order. */
export class BpfMap {
  readonly name: string;
  /** enum bpf_map_type, linux/bpf.h. */
  readonly type: number;
  readonly keySize: number;
  readonly valueSize: number;
  readonly #handle: ObjectHandle;
  readonly #pointer: Pointer;
  /** The bytes of what lookup() gives and update() takes. */
  readonly #elementSize: number;
  #fd = -1;

  constructor(handle: ObjectHandle, pointer: Pointer) {
    const { functions } = handle.library;
    this.#handle = handle;
    this.#pointer = pointer;
    this.name = functions.map_name(pointer);
    this.type = functions.map_type(pointer);
    this.keySize = functions.map_key_size(pointer);
    this.valueSize = functions.map_value_size(pointer);
    this.#elementSize = PER_CPU_TYPES.has(this.type)
      ? roundUp(this.valueSize, 8) * handle.library.possibleCpus()
      : this.valueSize;
  }

  get maxEntries(): number {
    this.#handle.assertNotClosed(`the size of ${this.name}`);
    return this.#handle.library.functions.map_max_entries(this.#pointer);
  }

  /** The loaded map's file descriptor; it belongs to the object. Throws LIBBPF_STATE if it is not loaded. */
  get fd(): number {
    this.#handle.assertLoaded(this.name);
    if (this.#fd >= 0) return this.#fd;
    const fd = this.#handle.library.functions.map_fd(this.#pointer);
    if (fd < 0) throw new LibbpfError("LIBBPF_STATE", `the map ${this.name} was not created`, { errno: fd });
    this.#fd = fd;
    return fd;
  }

  /** Before load(): for a ring buffer the bytes of its data area, a power of two times the page size. */
  setMaxEntries(count: number): void {
    this.#handle.assertNotLoaded(`setMaxEntries of ${this.name}`);
    const result = this.#handle.library.functions.map_set_max_entries(this.#pointer, count);
    if (result < 0)
      throw new LibbpfError("LIBBPF_MAP", `setMaxEntries(${count}) of ${this.name}`, { errno: result });
  }

  /**
   * A copy of the element, null if there is none. In a per-CPU map one value after the other for each possible
   * processor, each rounded up to 8 bytes. Throws LIBBPF_MAP.
   */
  lookup(key: Uint8Array): Uint8Array | null {
    this.#checkKey(key);
    const value = new Uint8Array(this.#elementSize);
    const result = this.#handle.library.functions.map_lookup(this.fd, key, value);
    if (result === 0) return value;
    if (errnoName(result) === "ENOENT") return null;
    throw this.#failed("lookup in", result);
  }

  /** Writes the element; `flags` are BPF_ANY (0), BPF_NOEXIST (1), BPF_EXIST (2). Throws LIBBPF_MAP. */
  update(key: Uint8Array, value: Uint8Array, flags = 0n): void {
    this.#checkKey(key);
    if (value.length !== this.#elementSize) {
      throw new LibbpfError(
        "LIBBPF_MAP",
        `a value of ${this.name} has ${this.#elementSize} bytes, not ${value.length}`,
      );
    }
    const result = this.#handle.library.functions.map_update(this.fd, key, value, flags);
    if (result < 0) throw this.#failed("update of", result);
  }

  /** Whether there was such an element to delete. Throws LIBBPF_MAP (EINVAL for an array: it has all its elements). */
  delete(key: Uint8Array): boolean {
    this.#checkKey(key);
    const result = this.#handle.library.functions.map_delete(this.fd, key);
    if (result === 0) return true;
    if (errnoName(result) === "ENOENT") return false;
    throw this.#failed("delete from", result);
  }

  /**
   * The keys, each in bytes of its own. While others insert and delete, the kernel may give a key twice or
   * begin again (BPF_MAP_GET_NEXT_KEY, bpf(2)); collect the keys before deleting. Throws LIBBPF_MAP.
   */
  *keys(): Generator<Uint8Array, void, undefined> {
    let previous: Uint8Array | null = null;
    for (;;) {
      const key: Uint8Array = new Uint8Array(this.keySize);
      const result = this.#handle.library.functions.map_next_key(this.fd, previous, key);
      if (errnoName(result) === "ENOENT" && result < 0) return;
      if (result < 0) throw this.#failed("walk through", result);
      yield key;
      previous = key;
    }
  }

  /**
   * The memory of an array made with BPF_F_MMAPABLE (kernel 5.5), shared with the programs: element n is at
   * n times the value's size rounded up to 8. Whole pages; what lies past the last element is 0. The mapping
   * lasts as long as the buffer, beyond the object's close(). Throws LIBBPF_MAP.
   */
  mmap(): ArrayBuffer {
    const length = roundUp(roundUp(this.valueSize, 8) * this.maxEntries, PAGE_SIZE);
    return mapMemory("LIBBPF_MAP", `the map ${this.name}`, this.fd, length, PROT_READ | PROT_WRITE);
  }

  #checkKey(key: Uint8Array): void {
    if (key.length !== this.keySize) {
      throw new LibbpfError(
        "LIBBPF_MAP",
        `a key of ${this.name} has ${this.keySize} bytes, not ${key.length}`,
      );
    }
  }

  #failed(what: string, errno: number): LibbpfError {
    return new LibbpfError("LIBBPF_MAP", `${what} the map ${this.name}`, { errno });
  }
}

function roundUp(size: number, to: number): number {
  return Math.ceil(size / to) * to;
}
