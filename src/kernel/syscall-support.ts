import { close, ioctlBytes, ioctlValue, type SysResult, syscall } from "./libc.js";
import type { InterfaceSupport } from "./nsfs-support.js";

/** Numbers of scripts/syscall.tbl: calls since Linux 5.1 have one number on every architecture. */
const SYS_PIDFD_OPEN = 434;
const SYS_STATMOUNT = 457;
const SYS_LISTMOUNT = 458;
const SYS_LISTNS = 470;

/** include/uapi/linux/pidfd.h, ioctl_pidfd(2). */
const PIDFD_GET_MNT_NAMESPACE = 0xff03;
const PIDFD_GET_INFO = 0xc040ff0b;
const PIDFD_INFO_SIZE_VER0 = 64;

let probed: readonly InterfaceSupport[] | null = null;

/** Which newer calls about mounts, namespaces and processes this kernel has, asked once. None changes anything. */
export function syscallSupport(): readonly InterfaceSupport[] {
  probed ??= [
    mountCall("statmount", SYS_STATMOUNT, "6.8", "/proc/PID/mountinfo"),
    mountCall("listmount", SYS_LISTMOUNT, "6.8", "/proc/PID/mountinfo"),
    mountCall("listns", SYS_LISTNS, "6.19", "/proc/PID/ns of every process"),
    pidfdCall(
      "PIDFD_GET_*_NAMESPACE",
      "6.11",
      "/proc/PID/ns",
      (fd) => ioctlValue(fd, PIDFD_GET_MNT_NAMESPACE),
      true,
    ),
    pidfdCall("PIDFD_GET_INFO", "6.13", "/proc/PID/status and cgroup", getInfo, false),
  ];
  return probed;
}

/** With null pointers a call that exists fails on them (EFAULT); ENOSYS, or a seccomp filter's EPERM, it is not. */
function mountCall(name: string, number: number, since: string, fallback: string): InterfaceSupport {
  const result = syscall(number);
  const supported = result.ok || (result.errno !== "ENOSYS" && result.errno !== "EPERM");
  return { name, since, supported, errno: result.ok ? null : result.errno, fallback, lacks: null };
}

function pidfdCall(
  name: string,
  since: string,
  fallback: string,
  call: (fd: number) => SysResult,
  returnsFd: boolean,
): InterfaceSupport {
  const pidfd = syscall(SYS_PIDFD_OPEN, process.pid);
  const result = pidfd.ok ? call(pidfd.value) : pidfd;
  if (returnsFd && result.ok) close(result.value);
  if (pidfd.ok) close(pidfd.value);
  return { name, since, supported: result.ok, errno: result.ok ? null : result.errno, fallback, lacks: null };
}

function getInfo(pidfd: number): SysResult {
  return ioctlBytes(pidfd, PIDFD_GET_INFO, Buffer.alloc(PIDFD_INFO_SIZE_VER0));
}
