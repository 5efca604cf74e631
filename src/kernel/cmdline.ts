import type { HostPath } from "./host-path.js";
import { close, open, read, readFile } from "./libc.js";

const buffer = Buffer.alloc(4096);

/**
 * The command line of `pid` with spaces between its arguments (proc_pid_cmdline(5)); null when the process is
 * gone, has none (kernel threads, zombies), or may not be read. The process can write there what it likes. The
 * kernel takes the lock of the process's memory for this, and a process can make that slow: for commands that a
 * person waits for, not for the agent.
 */
export function readCommandLine(host: HostPath, pid: number): string | null {
  const path = host.proc(pid, "cmdline");
  const text = (readShort(path) ?? readLong(path)).replace(/\0+$/, "").replaceAll("\0", " ");
  return text === "" ? null : text;
}

/** By one read(2), which gives all that the kernel has for it; null where that may be more than the buffer takes. */
function readShort(path: string): string | null {
  const fd = open(path);
  if (!fd.ok) return "";
  const length = read(fd.value, buffer);
  close(fd.value);
  return length.ok && length.value < buffer.length ? buffer.toString("utf8", 0, length.value) : null;
}

function readLong(path: string): string {
  const bytes = readFile(path);
  return bytes.ok ? bytes.value.toString("utf8") : "";
}
