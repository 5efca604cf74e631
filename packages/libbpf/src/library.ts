import koffi, { type LibraryHandle } from "koffi";
import { LibbpfError, type LibbpfErrorCode } from "./errors.js";
import { Log } from "./log.js";

/** A pointer of C. koffi hands one over as a BigInt, and NULL as null. */
export type Pointer = bigint;

/** struct bpf_object_open_opts as far as it is used; libbpf reads no further than `sz` says. */
const openOptions = koffi.struct({ sz: "size_t", object_name: "const char *" });

/** struct bpf_test_run_opts of libbpf 1.0, bpf/bpf.h. */
const testRunOptions = koffi.struct({
  sz: "size_t",
  data_in: "const void *",
  data_out: "void *",
  data_size_in: "uint32_t",
  data_size_out: "uint32_t",
  ctx_in: "const void *",
  ctx_out: "void *",
  ctx_size_in: "uint32_t",
  ctx_size_out: "uint32_t",
  retval: "uint32_t",
  repeat: "int",
  duration: "uint32_t",
  flags: "uint32_t",
  cpu: "uint32_t",
  batch_size: "uint32_t",
});

export interface OpenOptions {
  readonly sz: number;
  readonly object_name: string | null;
}

export interface TestRunOptions {
  readonly sz: number;
  readonly data_in: Uint8Array | null;
  readonly data_size_in: number;
  readonly ctx_in: Uint8Array | null;
  readonly ctx_size_in: number;
  retval?: number;
}

export const OPEN_OPTIONS_SIZE = koffi.sizeof(openOptions);
export const TEST_RUN_OPTIONS_SIZE = koffi.sizeof(testRunOptions);

/**
 * libbpf's functions, by their own names. All of them are in libbpf 1.0. Those that return a pointer return
 * NULL and set errno on failure, those that return an int return -errno (libbpf's libbpf_legacy.h).
 */
export function declareLibbpf(library: LibraryHandle) {
  const open = koffi.pointer(openOptions);
  const testRun = koffi.inout(koffi.pointer(testRunOptions));
  return {
    major_version: library.func("uint32_t libbpf_major_version(void)") as () => number,
    version_string: library.func("const char *libbpf_version_string(void)") as () => string,
    set_print: library.func("void *libbpf_set_print(void *print)") as (print: Pointer) => Pointer | null,
    num_possible_cpus: library.func("int libbpf_num_possible_cpus(void)") as () => number,

    object_open_file: library.func("bpf_object__open_file", "void *", ["const char *", open]) as (
      path: string,
      options: OpenOptions,
    ) => Pointer | null,
    object_open_mem: library.func("bpf_object__open_mem", "void *", ["const void *", "size_t", open]) as (
      bytes: Uint8Array,
      size: number,
      options: OpenOptions,
    ) => Pointer | null,
    object_name: library.func("const char *bpf_object__name(void *object)") as (object: Pointer) => string,
    object_load: library.func("int bpf_object__load(void *object)") as (object: Pointer) => number,
    object_close: library.func("void bpf_object__close(void *object)") as (object: Pointer) => void,
    object_btf: library.func("void *bpf_object__btf(void *object)") as (object: Pointer) => Pointer | null,
    object_find_map: library.func("void *bpf_object__find_map_by_name(void *object, const char *name)") as (
      object: Pointer,
      name: string,
    ) => Pointer | null,
    object_next_program: library.func("void *bpf_object__next_program(void *object, void *after)") as (
      object: Pointer,
      after: Pointer | null,
    ) => Pointer | null,
    object_next_map: library.func("void *bpf_object__next_map(void *object, void *after)") as (
      object: Pointer,
      after: Pointer | null,
    ) => Pointer | null,

    program_name: library.func("const char *bpf_program__name(void *program)") as (
      program: Pointer,
    ) => string,
    program_section: library.func("const char *bpf_program__section_name(void *program)") as (
      program: Pointer,
    ) => string,
    program_type: library.func("int bpf_program__type(void *program)") as (program: Pointer) => number,
    program_fd: library.func("int bpf_program__fd(void *program)") as (program: Pointer) => number,
    program_set_autoload: library.func("int bpf_program__set_autoload(void *program, bool on)") as (
      program: Pointer,
      on: boolean,
    ) => number,
    program_attach: library.func("void *bpf_program__attach(void *program)") as (
      program: Pointer,
    ) => Pointer | null,
    program_attach_iter: library.func("void *bpf_program__attach_iter(void *program, void *options)") as (
      program: Pointer,
      options: null,
    ) => Pointer | null,
    prog_test_run: library.func("bpf_prog_test_run_opts", "int", ["int", testRun]) as (
      fd: number,
      options: TestRunOptions,
    ) => number,
    obj_get_info_by_fd: library.func(
      "int bpf_obj_get_info_by_fd(int fd, void *info, _Inout_ uint32_t *length)",
    ) as (fd: number, info: Uint8Array, length: [number]) => number,
    enable_stats: library.func("int bpf_enable_stats(int type)") as (type: number) => number,

    link_fd: library.func("int bpf_link__fd(void *link)") as (link: Pointer) => number,
    link_destroy: library.func("int bpf_link__destroy(void *link)") as (link: Pointer) => number,
    iter_create: library.func("int bpf_iter_create(int link_fd)") as (linkFd: number) => number,

    map_name: library.func("const char *bpf_map__name(void *map)") as (map: Pointer) => string,
    map_fd: library.func("int bpf_map__fd(void *map)") as (map: Pointer) => number,
    map_type: library.func("int bpf_map__type(void *map)") as (map: Pointer) => number,
    map_key_size: library.func("uint32_t bpf_map__key_size(void *map)") as (map: Pointer) => number,
    map_value_size: library.func("uint32_t bpf_map__value_size(void *map)") as (map: Pointer) => number,
    map_max_entries: library.func("uint32_t bpf_map__max_entries(void *map)") as (map: Pointer) => number,
    map_set_max_entries: library.func("int bpf_map__set_max_entries(void *map, uint32_t count)") as (
      map: Pointer,
      count: number,
    ) => number,
    map_initial_value: library.func("void *bpf_map__initial_value(void *map, _Out_ size_t *size)") as (
      map: Pointer,
      size: [number],
    ) => Pointer | null,
    map_lookup: library.func("int bpf_map_lookup_elem(int fd, const void *key, void *value)") as (
      fd: number,
      key: Uint8Array,
      value: Uint8Array,
    ) => number,
    map_update: library.func(
      "int bpf_map_update_elem(int fd, const void *key, const void *value, uint64_t flags)",
    ) as (fd: number, key: Uint8Array, value: Uint8Array, flags: bigint) => number,
    map_delete: library.func("int bpf_map_delete_elem(int fd, const void *key)") as (
      fd: number,
      key: Uint8Array,
    ) => number,
    map_next_key: library.func("int bpf_map_get_next_key(int fd, const void *key, void *next)") as (
      fd: number,
      key: Uint8Array | null,
      next: Uint8Array,
    ) => number,

    btf_type_count: library.func("uint32_t btf__type_cnt(void *btf)") as (btf: Pointer) => number,
    btf_type: library.func("void *btf__type_by_id(void *btf, uint32_t id)") as (
      btf: Pointer,
      id: number,
    ) => Pointer | null,
    btf_name: library.func("const char *btf__name_by_offset(void *btf, uint32_t offset)") as (
      btf: Pointer,
      offset: number,
    ) => string | null,
  };
}

export type LibbpfFunctions = ReturnType<typeof declareLibbpf>;

/** A loaded libbpf: its functions and what it logs. */
export class Library {
  readonly functions: LibbpfFunctions;
  readonly log = new Log();

  constructor(handle: LibraryHandle) {
    this.functions = declareLibbpf(handle);
    this.functions.set_print(this.log.callback);
  }

  possibleCpus(): number {
    this.log.clear();
    const count = this.functions.num_possible_cpus();
    if (count < 0) throw this.failed("LIBBPF_INFO", "reading /sys/devices/system/cpu/possible", count);
    return count;
  }

  /** The error of a call that returned -errno, with what libbpf logged since log.clear(). */
  failed(code: LibbpfErrorCode, message: string, returned: number): LibbpfError {
    return new LibbpfError(code, message, { errno: -returned, log: this.log.read() });
  }

  /** The error of a call that returned NULL and left the reason in errno. To be made right after the call. */
  failedNull(code: LibbpfErrorCode, message: string): LibbpfError {
    return this.failed(code, message, -koffi.errno());
  }
}
