import koffi from "koffi";
import { type GlobalVariable, readGlobals } from "./btf.js";
import { LibbpfError } from "./errors.js";
import { ObjectHandle } from "./handle.js";
import { type Library, OPEN_OPTIONS_SIZE, type Pointer } from "./library.js";
import { BpfMap } from "./map.js";
import { BpfProgram } from "./program.js";

/** A BPF object file: its programs, maps and global variables. Closing it closes their file descriptors. */
export class BpfObject implements Disposable {
  readonly programs: readonly BpfProgram[];
  readonly maps: readonly BpfMap[];
  readonly #handle: ObjectHandle;
  /** The sections of globals that were looked at, in memory shared with the programs. */
  readonly #sections = new Map<string, Uint8Array>();
  #globals: ReadonlyMap<string, GlobalVariable> | undefined;

  private constructor(handle: ObjectHandle) {
    const { functions } = handle.library;
    this.#handle = handle;
    this.programs = walk(handle.pointer, functions.object_next_program, (at) => new BpfProgram(handle, at));
    this.maps = walk(handle.pointer, functions.object_next_map, (at) => new BpfMap(handle, at));
  }

  /** See {@link Libbpf.open}. */
  static open(library: Library, file: string | Uint8Array, name: string | undefined): BpfObject {
    const options = { sz: OPEN_OPTIONS_SIZE, object_name: name ?? null };
    const { functions, log } = library;
    log.clear();
    const pointer =
      typeof file === "string"
        ? functions.object_open_file(file, options)
        : functions.object_open_mem(file, file.length, options);
    if (pointer === null) {
      const what = typeof file === "string" ? file : (name ?? `${file.length} bytes`);
      throw library.failedNull("LIBBPF_OPEN", `opening the BPF object ${what}`);
    }
    return new BpfObject(new ObjectHandle(library, functions.object_name(pointer), pointer));
  }

  /** The program of that function name. Throws LIBBPF_UNKNOWN_NAME, with the names there are. */
  program(name: string): BpfProgram {
    return (
      this.programs.find((program) => program.name === name) ?? this.#unknown("program", name, this.programs)
    );
  }

  /** The map of that name. Throws LIBBPF_UNKNOWN_NAME, with the names there are. */
  map(name: string): BpfMap {
    return this.maps.find((map) => map.name === name) ?? this.#unknown("map", name, this.maps);
  }

  /**
   * Gives a global variable (`const volatile` or not, static or not) its first value, before load(). A number
   * must fit a variable of 1, 2, 4 or 8 bytes; bytes must be exactly as many as the variable has. Throws
   * LIBBPF_GLOBAL and LIBBPF_STATE.
   */
  setGlobal(name: string, value: number | bigint | Uint8Array): void {
    this.#handle.assertNotLoaded(`setting ${name}`);
    const variable = this.#global(name);
    const bytes = value instanceof Uint8Array ? value : integerBytes(name, variable.size, value);
    if (bytes.length !== variable.size) {
      throw new LibbpfError("LIBBPF_GLOBAL", `${name} has ${variable.size} bytes, the value ${bytes.length}`);
    }
    this.#initial(variable).set(bytes, variable.offset);
  }

  /**
   * A copy of a global variable's bytes, in the machine's byte order: as the programs see it now once the
   * object is loaded, its first value before. Throws LIBBPF_GLOBAL and LIBBPF_MAP.
   */
  getGlobal(name: string): Uint8Array {
    this.#handle.assertNotClosed(`reading ${name}`);
    const variable = this.#global(name);
    const section = this.#handle.state === "loaded" ? this.#current(variable) : this.#initial(variable);
    return section.slice(variable.offset, variable.offset + variable.size);
  }

  /**
   * Creates the maps and loads the programs. Throws LIBBPF_LOAD; its `log` holds the verifier's log of the
   * program that was refused. libbpf raises RLIMIT_MEMLOCK itself where the kernel still charges BPF memory
   * to it (before 5.11) and goes on where that is not permitted.
   */
  load(): void {
    this.#handle.assertNotLoaded("loading");
    const { library, pointer, name } = this.#handle;
    library.log.clear();
    const result = library.functions.object_load(pointer);
    if (result < 0) throw library.failed("LIBBPF_LOAD", `loading the BPF object ${name}`, result);
    this.#handle.state = "loaded";
  }

  /**
   * Closes the object's programs and maps. Links are the caller's to detach: an attached program stays alive
   * through its link. What mmap() and RingBuffer mapped stays readable. Closing twice is no error.
   */
  close(): void {
    if (this.#handle.state === "closed") return;
    this.#handle.state = "closed";
    this.#handle.library.functions.object_close(this.#handle.pointer);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #global(name: string): GlobalVariable {
    this.#globals ??= readGlobals(this.#handle.library.functions, this.#handle.pointer);
    const variable = this.#globals.get(name);
    if (variable !== undefined) return variable;
    const known = [...this.#globals.keys()].join(", ") || "none";
    throw new LibbpfError("LIBBPF_GLOBAL", `${this.#handle.name} has no global ${name}; it has: ${known}`);
  }

  #section(variable: GlobalVariable): Pointer {
    const { library, pointer, name } = this.#handle;
    const map = library.functions.object_find_map(pointer, variable.section);
    if (map === null)
      throw new LibbpfError("LIBBPF_GLOBAL", `${name} has no map of its section ${variable.section}`);
    return map;
  }

  /** The memory that becomes the section's first contents. */
  #initial(variable: GlobalVariable): Uint8Array {
    const map = this.#section(variable);
    const size: [number] = [0];
    const memory = this.#handle.library.functions.map_initial_value(map, size);
    if (memory === null) throw new LibbpfError("LIBBPF_GLOBAL", `${variable.section} has no memory`);
    return new Uint8Array(koffi.view(memory, size[0]));
  }

  /** The section as it is in the kernel: the only element of an array map, which libbpf makes with BPF_F_MMAPABLE. */
  #current(variable: GlobalVariable): Uint8Array {
    let section = this.#sections.get(variable.section);
    if (section === undefined) {
      const map = new BpfMap(this.#handle, this.#section(variable));
      // the constants are frozen, and cannot be mapped to be written
      if (variable.section.includes(".rodata")) section = map.lookup(new Uint8Array(4)) ?? new Uint8Array(0);
      else section = new Uint8Array(map.mmap());
      this.#sections.set(variable.section, section);
    }
    return section;
  }

  #unknown(kind: string, name: string, among: readonly { readonly name: string }[]): never {
    const known = among.map((one) => one.name).join(", ") || "none";
    throw new LibbpfError(
      "LIBBPF_UNKNOWN_NAME",
      `${this.#handle.name} has no ${kind} ${name}; it has: ${known}`,
    );
  }
}

/** Everything that libbpf's iteration functions give, first to last. */
function walk<T>(
  object: Pointer,
  next: (object: Pointer, after: Pointer | null) => Pointer | null,
  make: (pointer: Pointer) => T,
): T[] {
  const all: T[] = [];
  for (let at = next(object, null); at !== null; at = next(object, at)) all.push(make(at));
  return all;
}

/** An integer as a variable of `size` bytes holds it; negative ones in two's complement. */
function integerBytes(name: string, size: number, value: number | bigint): Uint8Array {
  if (typeof value === "number" && !Number.isSafeInteger(value)) {
    throw new LibbpfError("LIBBPF_GLOBAL", `${name}: ${value} is not an exact integer`);
  }
  if (![1, 2, 4, 8].includes(size)) {
    throw new LibbpfError("LIBBPF_GLOBAL", `${name} has ${size} bytes: its value has to be given as bytes`);
  }
  const integer = BigInt(value);
  const bits = BigInt(size * 8);
  if (integer >= 1n << bits || integer < -(1n << (bits - 1n))) {
    throw new LibbpfError("LIBBPF_GLOBAL", `${name}: ${integer} does not fit ${size} bytes`);
  }
  const bytes = new BigUint64Array([BigInt.asUintN(64, integer)]);
  return new Uint8Array(bytes.buffer, 0, size);
}
