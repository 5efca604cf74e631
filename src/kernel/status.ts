import type { HostPath } from "./host-path.js";
import { readFile } from "./libc.js";

/** The four ids of a task's credentials (credentials(7)), as the reader's user namespace shows them. */
export interface TaskIds {
  readonly real: number;
  readonly effective: number;
  readonly saved: number;
  readonly fs: number;
}

/** The lines of /proc/PID/status (proc_pid_status(5)) that Keyhole needs. */
export interface TaskStatus {
  /** comm, with the kernel's escapes undone. A kernel thread's can be longer than 15 characters. */
  readonly name: string;
  readonly state: string;
  readonly tgid: number;
  readonly pid: number;
  readonly ppid: number;
  readonly uid: TaskIds;
  readonly gid: TaskIds;
  /** The task's pid in each pid namespace, from that of the procfs instance down to its own. */
  readonly nsPid: readonly number[];
  /** The same of its thread group leader. */
  readonly nsTgid: readonly number[];
  /** The effective capability set as a bit mask (capabilities(7)). */
  readonly capEff: bigint;
  /** The bounding set: what the task and its children can ever have. */
  readonly capBnd: bigint;
}

/** Reads the text of a status file; null where it lacks what every kernel since 4.1 writes. */
export function parseStatus(bytes: Buffer): TaskStatus | null {
  // The kernel escapes newlines in the name, so that a line is a field and a task cannot forge one.
  const text = `\n${bytes.toString("latin1")}`;
  const name = field(text, "Name");
  const uid = ids(field(text, "Uid"));
  const gid = ids(field(text, "Gid"));
  const capEff = field(text, "CapEff");
  const capBnd = field(text, "CapBnd");
  const nsPid = numbers(field(text, "NSpid"));
  if (
    name === null ||
    uid === null ||
    gid === null ||
    capEff === null ||
    capBnd === null ||
    nsPid.length === 0
  )
    return null;
  return {
    name: unescapeName(Buffer.from(name, "latin1").toString("utf8")),
    state: field(text, "State")?.charAt(0) ?? "?",
    tgid: Number(field(text, "Tgid")),
    pid: Number(field(text, "Pid")),
    ppid: Number(field(text, "PPid")),
    uid,
    gid,
    nsPid,
    nsTgid: numbers(field(text, "NStgid")),
    capEff: BigInt(`0x${capEff}`),
    capBnd: BigInt(`0x${capBnd}`),
  };
}

/** The status of task `tid` (any thread); null when it is gone or may not be read. */
export function readStatus(host: HostPath, tid: number | "self"): TaskStatus | null {
  const bytes = readFile(host.proc(tid, "status"));
  return bytes.ok ? parseStatus(bytes.value) : null;
}

/** What stands after the name of a field, up to the end of its line. */
function field(text: string, name: string): string | null {
  const start = text.indexOf(`\n${name}:\t`);
  if (start < 0) return null;
  const end = text.indexOf("\n", start + 1);
  return text.slice(start + name.length + 3, end < 0 ? undefined : end);
}

/** Undoes what proc_task_name() of fs/proc/array.c escapes: the newline and the backslash. */
function unescapeName(name: string): string {
  return name.replace(/\\([n\\])/g, (_, escaped: string) => (escaped === "n" ? "\n" : "\\"));
}

function numbers(field: string | null): number[] {
  return field === null || field === "" ? [] : field.trim().split(/\s+/).map(Number);
}

function ids(field: string | null): TaskIds | null {
  const [real, effective, saved, fs] = numbers(field);
  if (real === undefined || effective === undefined || saved === undefined || fs === undefined) return null;
  return { real, effective, saved, fs };
}
