import { readdirSync, readFileSync } from "node:fs";

/** What the threads of a process have used since it began: nanoseconds of CPU, and context switches. */
export interface Usage {
  readonly cpu: number;
  /** Times that a thread went to sleep: each is a wake-up. */
  readonly voluntary: number;
  /** Times that a thread had to give up its CPU. */
  readonly involuntary: number;
}

export interface ThreadUsage extends Usage {
  readonly tid: number;
  readonly name: string;
}

/** By thread; one that has ended is missing, so that a process's own pool of threads has to stay for a comparison. */
export function threadUsage(pid: number): ThreadUsage[] {
  return readdirSync(`/proc/${pid}/task`).flatMap((tid) => {
    const folder = `/proc/${pid}/task/${tid}`;
    try {
      const status = readFileSync(`${folder}/status`, "utf8");
      const number = (key: string) => Number(new RegExp(`^${key}:\\s+(\\d+)`, "m").exec(status)![1]);
      return {
        tid: Number(tid),
        name: readFileSync(`${folder}/comm`, "utf8").trim(),
        // proc_pid_schedstat() in fs/proc/base.c: time on the CPU, in nanoseconds, comes first
        cpu: Number(readFileSync(`${folder}/schedstat`, "utf8").split(" ")[0]),
        voluntary: number("voluntary_ctxt_switches"),
        involuntary: number("nonvoluntary_ctxt_switches"),
      };
    } catch {
      // the thread has ended meanwhile
      return [];
    }
  });
}

export function usage(pid: number): Usage {
  let [cpu, voluntary, involuntary] = [0, 0, 0];
  for (const thread of threadUsage(pid)) {
    cpu += thread.cpu;
    voluntary += thread.voluntary;
    involuntary += thread.involuntary;
  }
  return { cpu, voluntary, involuntary };
}

/** User and system time of a process in milliseconds, from clock ticks: proc_pid_stat(5). */
export function times(pid: number): { readonly user: number; readonly system: number } {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  // the command's name, which may hold anything, ends at the last parenthesis
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  // USER_HZ is 100 on every architecture that Node runs on
  return { user: Number(fields[11]) * 10, system: Number(fields[12]) * 10 };
}

/** Resident memory of a process in MiB. */
export function residentMiB(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)![1]) / 1024;
}

export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
