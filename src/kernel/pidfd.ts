import type { HostPath } from "./host-path.js";
import { close, ioctlValue, type SysResult, syscall } from "./libc.js";
import type { NsLink } from "./links.js";
import { openNamespace } from "./nsfs.js";
import { readStat } from "./proc-tasks.js";

/** Numbers of scripts/syscall.tbl: calls since Linux 5.1 have one number on every architecture. */
const SYS_PIDFD_SEND_SIGNAL = 424;
const SYS_PIDFD_OPEN = 434;

/** include/uapi/linux/pidfd.h: a descriptor of one thread and not of its group (Linux 6.9). */
const PIDFD_THREAD = 0o200;

/** PIDFD_GET_*_NAMESPACE of ioctl_pidfd(2), Linux 6.11. */
const NAMESPACE_REQUEST: Readonly<Record<NsLink, number>> = {
  cgroup: 0xff01,
  ipc: 0xff02,
  mnt: 0xff03,
  net: 0xff04,
  pid: 0xff05,
  pid_for_children: 0xff06,
  time: 0xff07,
  time_for_children: 0xff08,
  user: 0xff09,
  uts: 0xff0a,
};

/**
 * A task that can be asked about by its number without being taken for another one: as long as {@link exists} is true
 * the number has been its own since the handle was made.
 */
export interface TaskHandle {
  readonly via: "pidfd" | "start time";
  /** Whether it is still there. A zombie is: its number cannot be given to another before it has been waited for. */
  exists(): boolean;
  /**
   * A descriptor of one of its namespaces, which the caller closes; without procfs from Linux 6.11 on, but of a zombie.
   * It is its own if {@link exists} is true afterwards.
   */
  openNamespace(link: NsLink): SysResult;
  close(): void;
}

/**
 * A handle of thread `tid`; null when there is none. Pids are those of the caller's pid namespace. It is a pidfd
 * (pidfd_open(2), Linux 5.3; of a thread that is no leader Linux 6.9) where the kernel and the seccomp filter let the
 * caller have one; else the start time in /proc/TID/stat, which has steps of 10 ms.
 */
export function holdTask(host: HostPath, tid: number): TaskHandle | null {
  // Of a thread that is no leader, 6.12 and before say EINVAL and later ones ENOENT.
  let pidfd = syscall(SYS_PIDFD_OPEN, tid, 0);
  if (!pidfd.ok) pidfd = syscall(SYS_PIDFD_OPEN, tid, PIDFD_THREAD);
  return pidfd.ok ? byPidfd(host, tid, pidfd.value) : byStartTime(host, tid);
}

function byPidfd(host: HostPath, tid: number, fd: number): TaskHandle {
  return {
    via: "pidfd",
    exists: () => {
      const sent = syscall(SYS_PIDFD_SEND_SIGNAL, fd, 0);
      // EPERM: it is there, and the caller may not signal it.
      return sent.ok || sent.errno !== "ESRCH";
    },
    openNamespace: (link) => {
      const opened = ioctlValue(fd, NAMESPACE_REQUEST[link]);
      return opened.ok ? opened : openNamespace(host.proc(tid, "ns", link));
    },
    close: () => close(fd),
  };
}

/** {@link holdTask} without a pidfd. */
export function byStartTime(host: HostPath, tid: number): TaskHandle | null {
  const start = readStat(host, tid)?.startTicks;
  if (start === undefined) return null;
  return {
    via: "start time",
    exists: () => readStat(host, tid)?.startTicks === start,
    openNamespace: (link) => openNamespace(host.proc(tid, "ns", link)),
    close: () => {},
  };
}
