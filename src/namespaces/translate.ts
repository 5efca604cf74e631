import { fstatSync, readdirSync } from "node:fs";
import type { HostPath } from "../kernel/host-path.js";
import { close, type SysResult } from "../kernel/libc.js";
import { openNamespace, openParent, pidFromPidns, pidInPidns } from "../kernel/nsfs.js";
import { readStatus } from "../kernel/status.js";

/**
 * A pid in another pid namespace, and how it was found. ESRCH: no such process, or it is not visible there;
 * any other errno: the namespace itself could not be asked.
 */
export type Translation =
  | { readonly ok: true; readonly pid: number; readonly via: "ioctl" | "NSpid" }
  | { readonly ok: false; readonly errno: string };

const NOT_THERE = { ok: false, errno: "ESRCH" } as const;

/**
 * The pid, inside the pid namespace `pidns` (a descriptor, or a path such as /proc/PID/ns/pid), of what is
 * `pid` in the agent's. Any number of levels may lie between. Threads too: of a thread, its tid.
 */
export function pidInside(host: HostPath, pidns: number | string, pid: number): Translation {
  return withPidns(pidns, (fd) => byIoctl(pidInPidns(fd, pid)) ?? pidInsideByStatus(host, fd, pid));
}

/** The reverse: the pid in the agent's pid namespace of what is `pid` inside `pidns`. */
export function pidOutside(host: HostPath, pidns: number | string, pid: number): Translation {
  return withPidns(pidns, (fd) => byIoctl(pidFromPidns(fd, pid)) ?? pidOutsideByStatus(host, fd, pid));
}

/**
 * {@link pidInside} for kernels before 6.12, which lack the ioctl: the NSpid line of /proc/PID/status has one
 * pid a level, and the parents of the process's own pid namespace tell which level is `pidns`.
 */
export function pidInsideByStatus(host: HostPath, pidns: number, pid: number): Translation {
  const nsPid = readStatus(host, pid)?.nsPid;
  const above = levelsBetween(host, pid, fstatSync(pidns).ino);
  const inside = nsPid !== undefined && above !== null ? nsPid.at(-1 - above) : undefined;
  return inside === undefined ? NOT_THERE : { ok: true, pid: inside, via: "NSpid" };
}

/**
 * {@link pidOutside} for kernels before 6.12: looks through all of /proc, at processes first and then at the threads of
 * those that are in the namespace or below it.
 */
export function pidOutsideByStatus(host: HostPath, pidns: number, pid: number): Translation {
  const target = fstatSync(pidns).ino;
  const processes = numericEntries(host.proc());
  for (const candidate of processes) {
    // The links are asked only of the few that have this pid at some level.
    const nsPid = readStatus(host, candidate)?.nsPid;
    if (nsPid === undefined || !nsPid.includes(pid)) continue;
    const above = levelsBetween(host, candidate, target);
    if (above !== null && nsPid.at(-1 - above) === pid) return { ok: true, pid: candidate, via: "NSpid" };
  }
  for (const process of processes) {
    const threads = numericEntries(host.proc(process, "task"));
    if (threads.length < 2) continue;
    const above = levelsBetween(host, process, target);
    if (above === null) continue;
    const found = threads.find((tid) => readStatus(host, tid)?.nsPid.at(-1 - above) === pid);
    if (found !== undefined) return { ok: true, pid: found, via: "NSpid" };
  }
  return NOT_THERE;
}

/**
 * The process with pid 1 in `pidns`, in the agent's pids: ESRCH where it has ended, and everything in the namespace with
 * it, or was never started.
 */
export function initOf(host: HostPath, pidns: number | string): Translation {
  return pidOutside(host, pidns, 1);
}

/**
 * An answer, or null where the ioctl cannot be had. ENOTTY is that of an old kernel, but 6.16 to 6.19 return
 * it for an unknown pid as well (nsfs.c of those): /proc decides then too.
 */
function byIoctl(result: SysResult): Translation | null {
  if (result.ok) return { ok: true, pid: result.value, via: "ioctl" };
  return result.errno === "ENOTTY" ? null : result;
}

/** How many levels the pid namespace `inum` is above that of `pid`; null: it is not an ancestor of it. */
function levelsBetween(host: HostPath, pid: number, inum: number): number | null {
  let fd = openNamespace(host.proc(pid, "ns", "pid"));
  for (let levels = 0; fd.ok; levels++) {
    const found = fstatSync(fd.value).ino === inum;
    const parent = found ? null : openParent(fd.value);
    close(fd.value);
    if (parent === null) return levels;
    fd = parent;
  }
  return null;
}

/** The processes of /proc or threads of /proc/PID/task; none where the directory is gone. */
function numericEntries(directory: string): number[] {
  try {
    return readdirSync(directory)
      .filter((name) => /^[0-9]+$/.test(name))
      .map(Number);
  } catch {
    return [];
  }
}

function withPidns(pidns: number | string, translate: (fd: number) => Translation): Translation {
  if (typeof pidns === "number") return translate(pidns);
  const fd = openNamespace(pidns);
  if (!fd.ok) return fd;
  try {
    return translate(fd.value);
  } finally {
    close(fd.value);
  }
}
