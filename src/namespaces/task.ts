import type { NsInums } from "../kernel/links.js";

/** One thread as the kernel described it last. Pids are those of the initial pid namespace. */
export interface Task {
  /** Thread group id: what user space calls the pid. */
  readonly pid: number;
  readonly tid: number;
  readonly ppid: number;
  /** Start of the thread group leader, nanoseconds since boot (CLOCK_BOOTTIME). */
  readonly start: bigint;
  /** Effective, in numbers of the initial user namespace. */
  readonly uid: number;
  readonly gid: number;
  readonly comm: string;
  /** Path of the executable as its mount namespace names it; null where the kernel could not say. */
  readonly exe: string | null;
  /** The thread group id inside the task's own pid namespace. */
  readonly nsPid: number;
  readonly ns: NsInums;
  /** Id of the cgroup on the unified (v2) hierarchy: the inode number of its directory. */
  readonly cgroup: bigint;
  /** Id of the cgroup on the v1 memory hierarchy, 0n where there is none. */
  readonly cgroupV1: bigint;
}
