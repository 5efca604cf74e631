import type { HostPath } from "./host-path.js";
import { readFile } from "./libc.js";

/**
 * The command line of `pid` with spaces between its arguments (proc_pid_cmdline(5)); null when the process is
 * gone, has none (kernel threads, zombies), or may not be read. The process can write there what it likes. The
 * kernel takes the lock of the process's memory for this, and a process can make that slow: for commands that a
 * person waits for, not for the agent.
 */
export function readCommandLine(host: HostPath, pid: number): string | null {
  const bytes = readFile(host.proc(pid, "cmdline"));
  if (!bytes.ok) return null;
  const text = bytes.value.toString("utf8").replace(/\0+$/, "").replaceAll("\0", " ");
  return text === "" ? null : text;
}
