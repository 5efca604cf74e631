import { constants, fstatSync, openSync } from "node:fs";
import { isatty } from "node:tty";
import { syscall } from "../kernel/libc.js";

/** Number of fcntl(2): arch/x86/entry/syscalls/syscall_64.tbl, include/uapi/asm-generic/unistd.h. */
const FCNTL: Readonly<Record<string, number>> = { x64: 72, arm64: 25 };
/** include/uapi/linux/fcntl.h. */
const F_SETPIPE_SZ = 1031;
const F_GETPIPE_SZ = 1032;
/** The default of /proc/sys/fs/pipe-max-size, up to which no privilege is needed (pipe(7)). */
const PIPE_SIZE = 1024 * 1024;

/**
 * A file descriptor of its own, with O_NONBLOCK, for the pipe or terminal `fd`. O_NONBLOCK belongs to the open
 * file description, which is shared with whoever else has the pipe or terminal (fcntl(2)), so it is opened anew
 * through /proc/self/fd. Null for all else (a file opened anew would be written from its start) and where the
 * kernel refuses: a pipe that another user made.
 */
export function reopen(fd: number): number | null {
  if (!fstatSync(fd).isFIFO() && !isatty(fd)) return null;
  try {
    return openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch {
    return null;
  }
}

/**
 * Lets the pipe `fd` hold 1 MiB where it holds less and the kernel allows it: with the usual 64 KiB each turn of
 * the event loop could hand over no more than that. Returns the size in bytes, 0 where it is not known.
 */
export function growPipe(fd: number): number {
  const fcntl = FCNTL[process.arch];
  if (fcntl === undefined) return 0;
  const size = syscall(fcntl, fd, F_GETPIPE_SZ);
  if (!size.ok || size.value >= PIPE_SIZE) return size.ok ? size.value : 0;
  const grown = syscall(fcntl, fd, F_SETPIPE_SZ, PIPE_SIZE);
  return grown.ok ? grown.value : size.value;
}
