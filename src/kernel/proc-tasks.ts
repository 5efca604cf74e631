import { readdirSync } from "node:fs";
import type { Task } from "../namespaces/task.js";
import { CgroupDirectories } from "./cgroup-ids.js";
import type { HostPath } from "./host-path.js";
import { readFile, readlink } from "./libc.js";
import { NS_LINKS, type NsInums } from "./links.js";
import { readNamespaceLink } from "./nsfs.js";
import { readStatus } from "./status.js";

/** USER_HZ of include/asm-generic/param.h, the unit of start times in /proc/PID/stat: the same on every port. */
const NANOSECONDS_A_TICK = 10_000_000n;

/**
 * Every process of the host's /proc, and every thread whose namespaces differ from those of its leader. For
 * where there is no BPF: it costs a dozen system calls a process, misses what starts and ends meanwhile, and
 * `start` is cut to 10 ms. Namespaces of a process without ptrace read access are 0, as are those of zombies.
 */
export function readProcTasks(host: HostPath): Task[] {
  const cgroups = new CgroupDirectories(host);
  const tasks: Task[] = [];
  for (const entry of numericEntries(host.proc())) {
    const leader = readTask(host, cgroups, entry);
    if (leader === null) continue;
    tasks.push(leader.task);
    if (leader.threads === 1) continue;
    for (const tid of numericEntries(host.proc(entry, "task"))) {
      if (tid === entry) continue;
      const ns = readNamespaces(host, tid);
      if (ns.every((inum, index) => inum === leader.task.ns[index] || inum === 0)) continue;
      const thread = readTask(host, cgroups, tid);
      if (thread !== null) tasks.push({ ...thread.task, pid: entry, tid, start: leader.task.start });
    }
  }
  return tasks;
}

/**
 * One thread as {@link readProcTasks} describes it, whether or not its namespaces are those of its leader; null when
 * there is none.
 */
export function readProcTask(host: HostPath, tid: number): Task | null {
  const read = readTask(host, new CgroupDirectories(host), tid);
  if (read === null || read.task.pid === tid) return read?.task ?? null;
  const leader = readStat(host, read.task.pid);
  return leader === null ? null : { ...read.task, start: leader.startTicks * NANOSECONDS_A_TICK };
}

/** The ten namespaces that /proc/TID/ns shows; 0 for each that could not be read. */
export function readNamespaces(host: HostPath, tid: number | "self"): NsInums {
  return NS_LINKS.map((link) => {
    const inum = readNamespaceLink(host.proc(tid, "ns", link));
    return inum.ok ? inum.value : 0;
  });
}

interface TaskStat {
  readonly ppid: number;
  readonly threads: number;
  /** Since boot, in ticks of 10 ms. */
  readonly startTicks: bigint;
}

function readTask(
  host: HostPath,
  cgroups: CgroupDirectories,
  tid: number,
): { readonly task: Task; readonly threads: number } | null {
  const stat = readStat(host, tid);
  const status = readStatus(host, tid);
  if (stat === null || status === null) return null;
  const exe = readlink(host.proc(tid, "exe"));
  const { unified, memory } = cgroups.of(tid);
  const task: Task = {
    pid: status.tgid,
    tid,
    ppid: stat.ppid,
    start: stat.startTicks * NANOSECONDS_A_TICK,
    uid: status.uid.effective,
    gid: status.gid.effective,
    comm: status.name,
    exe: exe.ok ? Buffer.from(exe.value, "latin1").toString("utf8") : null,
    nsPid: status.nsTgid.at(-1) ?? status.tgid,
    ns: readNamespaces(host, tid),
    cgroup: unified,
    cgroupV1: memory,
  };
  return { task, threads: stat.threads };
}

/** The fields of /proc/PID/stat (proc_pid_stat(5)) that status lacks; null when the task is gone. */
export function readStat(host: HostPath, tid: number): TaskStat | null {
  const bytes = readFile(host.proc(tid, "stat"));
  if (!bytes.ok) return null;
  const text = bytes.value.toString("latin1");
  // The second field is the comm in parentheses, and a comm can hold spaces and parentheses itself.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const [ppid, threads, start] = [fields[1], fields[17], fields[19]];
  if (ppid === undefined || threads === undefined || start === undefined) return null;
  return { ppid: Number(ppid), threads: Number(threads), startTicks: BigInt(start) };
}

function numericEntries(directory: string): number[] {
  let names: string[];
  try {
    names = readdirSync(directory);
  } catch {
    return [];
  }
  return names.filter((name) => /^[0-9]+$/.test(name)).map(Number);
}
