import koffi from "koffi";
import { errnoName } from "./errno.js";

/** What a system call gave: its value, or the name of its errno. For paths on which failure is normal. */
export type SysResult<T = number> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly errno: string };

/** The symbols of the running process: Node is itself linked to the libc of its system, glibc or musl. */
const libc = koffi.load(null);

// ioctl(2), open(2) and syscall(2) are variadic in C. On x86-64 and arm64 Linux integers and pointers are
// passed the same way with and without the dots, and a fixed signature is half as expensive to call.
const cOpen: (path: string, flags: number) => number = libc.func("open", "int", ["str", "int"]);
const cClose: (fd: number) => number = libc.func("close", "int", ["int"]);
const cReadlink: (path: string, buffer: Uint8Array, size: number) => number = libc.func("readlink", "long", [
  "str",
  koffi.out(koffi.pointer("uint8_t")),
  "size_t",
]);
const cRead: (fd: number, buffer: Uint8Array, size: number) => number = libc.func("read", "long", [
  "int",
  koffi.out(koffi.pointer("uint8_t")),
  "size_t",
]);
const cPoll: (pollfd: Uint8Array, count: number, timeout: number) => number = libc.func("poll", "int", [
  koffi.inout(koffi.pointer("uint8_t")),
  "unsigned long",
  "int",
]);
const cIoctlValue: (fd: number, request: number, value: number) => number = libc.func("ioctl", "int", [
  "int",
  "unsigned long",
  "unsigned long",
]);
const cIoctlBytes: (fd: number, request: number, bytes: Uint8Array) => number = libc.func("ioctl", "int", [
  "int",
  "unsigned long",
  koffi.inout(koffi.pointer("uint8_t")),
]);
const cSyscall: (number: number, a: number, b: number, c: number, d: number) => number = libc.func(
  "syscall",
  "long",
  ["long", "long", "long", "long", "long"],
);
const cClockGettime: (clock: number, timespec: Uint8Array) => number = libc.func("clock_gettime", "int", [
  "int",
  koffi.out(koffi.pointer("uint8_t")),
]);

export const O_RDONLY = 0;
/** asm-generic/fcntl.h; the same on x86-64 and arm64. */
export const O_CLOEXEC = 0o2000000;

/** include/uapi/linux/time.h. */
export const CLOCK_REALTIME = 0;
export const CLOCK_MONOTONIC = 1;
export const CLOCK_BOOTTIME = 7;

/** open(2), always with O_CLOEXEC. The caller closes the descriptor with {@link close}. */
export function open(path: string, flags = O_RDONLY): SysResult {
  return result(cOpen(path, flags | O_CLOEXEC));
}

/** close(2). Its errors mean a defect in the caller only, hence no result. */
export function close(fd: number): void {
  cClose(fd);
}

/** read(2) into `buffer` from its beginning: how many bytes, 0 at the end of the file. */
export function read(fd: number, buffer: Uint8Array): SysResult {
  return result(cRead(fd, buffer, buffer.length));
}

const pollfd = Buffer.alloc(8);

/** poll(2) of one descriptor that does not wait: which of `events` there are now. */
export function poll(fd: number, events: number): SysResult {
  pollfd.writeInt32LE(fd, 0);
  pollfd.writeUInt16LE(events, 4);
  pollfd.writeUInt16LE(0, 6);
  const polled = result(cPoll(pollfd, 1, 0));
  return polled.ok ? { ok: true, value: pollfd.readUInt16LE(6) & events } : polled;
}

const FILE_BUFFER = 65536;
let fileBuffer = Buffer.alloc(FILE_BUFFER);

/**
 * The whole content of a file of /proc, whose size stat(2) does not tell. `fs.readFileSync` takes several
 * times as long for such a file, most of it for a large buffer each time, and throws where the file is gone.
 */
export function readFile(path: string): SysResult<Buffer> {
  const fd = cOpen(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return failure();
  let length = 0;
  for (;;) {
    if (length === fileBuffer.length) fileBuffer = Buffer.concat([fileBuffer], 2 * fileBuffer.length);
    const read = cRead(fd, fileBuffer.subarray(length), fileBuffer.length - length);
    const failed = read < 0 ? failure() : null;
    if (failed?.errno === "EINTR") continue;
    if (failed !== null || read === 0) {
      cClose(fd);
      const content = fileBuffer.subarray(0, length);
      // One huge mount table does not keep its memory for good.
      if (fileBuffer.length > FILE_BUFFER) fileBuffer = Buffer.alloc(FILE_BUFFER);
      return failed ?? { ok: true, value: Buffer.from(content) };
    }
    length += read;
  }
}

const linkBuffer = Buffer.alloc(4096);

/** readlink(2), as latin1 text: one character a byte. Unlike `fs.readlinkSync` a link that is gone costs no exception. */
export function readlink(path: string): SysResult<string> {
  const length = cReadlink(path, linkBuffer, linkBuffer.length);
  if (length < 0) return failure();
  return { ok: true, value: linkBuffer.toString("latin1", 0, length) };
}

/** ioctl(2) whose argument is a number, or none (0). */
export function ioctlValue(fd: number, request: number, value = 0): SysResult {
  return result(cIoctlValue(fd, request, value));
}

/** ioctl(2) whose argument is a pointer to `bytes`, read and written by the kernel. */
export function ioctlBytes(fd: number, request: number, bytes: Uint8Array): SysResult {
  return result(cIoctlBytes(fd, request, bytes));
}

/** syscall(2) with up to four numbers as arguments. */
export function syscall(number: number, a = 0, b = 0, c = 0, d = 0): SysResult {
  return result(cSyscall(number, a, b, c, d));
}

/** clock_gettime(2) in nanoseconds. Throws where the kernel has no such clock. */
export function clockGettime(clock: number): bigint {
  const timespec = Buffer.alloc(16);
  if (cClockGettime(clock, timespec) !== 0) {
    throw new Error(`clock_gettime(${clock}): ${errnoName(koffi.errno())}`);
  }
  return timespec.readBigInt64LE(0) * 1_000_000_000n + timespec.readBigInt64LE(8);
}

/**
 * CLOCK_REALTIME minus CLOCK_BOOTTIME in nanoseconds. Of some readings the one is taken in which the least time passed
 * between the clocks: whoever is preempted there would shift all times by as much.
 */
export function realtimeMinusBoottime(): bigint {
  let best = { width: 1n << 62n, offset: 0n };
  for (let reading = 0; reading < 4; reading++) {
    const before = clockGettime(CLOCK_BOOTTIME);
    const realtime = clockGettime(CLOCK_REALTIME);
    const width = clockGettime(CLOCK_BOOTTIME) - before;
    if (width < best.width) best = { width, offset: realtime - before - width / 2n };
  }
  return best.offset;
}

function result(value: number): SysResult {
  return value < 0 ? failure() : { ok: true, value };
}

function failure(): { readonly ok: false; readonly errno: string } {
  return { ok: false, errno: errnoName(koffi.errno()) };
}
