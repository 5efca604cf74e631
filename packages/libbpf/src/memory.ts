import koffi from "koffi";
import { LibbpfError, type LibbpfErrorCode } from "./errors.js";

const libc = koffi.load(null);
const mmap = libc.func(
  "void *mmap(void *address, size_t length, int protection, int flags, int fd, int64_t offset)",
) as (address: null, length: number, protection: number, flags: number, fd: number, offset: number) => bigint;
const munmap = libc.func("int munmap(void *address, size_t length)") as (
  address: bigint,
  length: number,
) => number;
const getpagesize = libc.func("int getpagesize(void)") as () => number;

const MAP_SHARED = 1;
const MAP_FAILED = 0xffff_ffff_ffff_ffffn;

export const PROT_READ = 1;
export const PROT_WRITE = 2;
export const PAGE_SIZE = getpagesize();

/** A view of mapped memory must never outlive the mapping, so the mapping goes when the last view is collected. */
const collected = new FinalizationRegistry<{ address: bigint; length: number }>(({ address, length }) => {
  munmap(address, length);
});

/**
 * Maps `length` bytes of a BPF map's file descriptor, shared with the kernel. A write to memory mapped without
 * PROT_WRITE ends the process with SIGSEGV.
 */
export function mapMemory(
  code: LibbpfErrorCode,
  what: string,
  fd: number,
  length: number,
  protection: number,
  offset = 0,
): ArrayBuffer {
  const address = mmap(null, length, protection, MAP_SHARED, fd, offset);
  if (address === MAP_FAILED) throw new LibbpfError(code, `mapping ${what}`, { errno: koffi.errno() });
  const memory = koffi.view(address, length);
  collected.register(memory, { address, length });
  return memory;
}
