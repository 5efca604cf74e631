import { close, ioctlBytes, ioctlValue, open, readlink, type SysResult } from "./libc.js";
import type { NsType } from "./links.js";

/**
 * The ioctls of nsfs, ioctl_nsfs(2) and include/uapi/linux/nsfs.h, as thin calls on an open namespace file
 * descriptor. None needs a capability; getting the descriptor through /proc/PID/ns needs ptrace read access.
 */
export const NS_GET_USERNS = 0xb701;
export const NS_GET_PARENT = 0xb702;
export const NS_GET_NSTYPE = 0xb703;
export const NS_GET_OWNER_UID = 0xb704;
export const NS_GET_MNTNS_ID = 0x8008b705;
export const NS_GET_PID_FROM_PIDNS = 0x8004b706;
export const NS_GET_TGID_FROM_PIDNS = 0x8004b707;
export const NS_GET_PID_IN_PIDNS = 0x8004b708;
export const NS_GET_TGID_IN_PIDNS = 0x8004b709;
export const NS_MNT_GET_INFO = 0x8010b70a;
export const NS_MNT_GET_NEXT = 0x8010b70b;
export const NS_MNT_GET_PREV = 0x8010b70c;
export const NS_GET_ID = 0x8008b70d;

/** CLONE_NEW* of include/uapi/linux/sched.h: what NS_GET_NSTYPE returns. */
const TYPE_OF_FLAG: ReadonlyMap<number, NsType> = new Map([
  [0x80, "time"],
  [0x20000, "mnt"],
  [0x2000000, "cgroup"],
  [0x4000000, "uts"],
  [0x8000000, "ipc"],
  [0x10000000, "user"],
  [0x20000000, "pid"],
  [0x40000000, "net"],
]);

const scratch = Buffer.alloc(16);

/** Opens a namespace file such as /proc/PID/ns/mnt. The caller closes it. */
export function openNamespace(path: string): SysResult {
  return open(path);
}

/** Opens `path`, gives the descriptor to `use` and closes it whatever happens. */
export function withNamespace<T>(path: string, use: (fd: number) => SysResult<T>): SysResult<T> {
  const opened = openNamespace(path);
  if (!opened.ok) return opened;
  try {
    return use(opened.value);
  } finally {
    close(opened.value);
  }
}

/**
 * The inode number that a namespace link such as /proc/PID/ns/mnt shows: `mnt:[4026531832]`. ENOENT: no such
 * process; EACCES: no ptrace read access to it; EINVAL: not the link of a namespace.
 */
export function readNamespaceLink(path: string): SysResult {
  const link = readlink(path);
  if (!link.ok) return link;
  const start = link.value.indexOf(":[");
  const inum = start < 0 ? Number.NaN : Number(link.value.slice(start + 2, -1));
  return Number.isSafeInteger(inum) ? { ok: true, value: inum } : { ok: false, errno: "EINVAL" };
}

/** The type of the namespace; null where it is one that this code does not know. */
export function nsType(fd: number): SysResult<NsType | null> {
  const flag = ioctlValue(fd, NS_GET_NSTYPE);
  return flag.ok ? { ok: true, value: TYPE_OF_FLAG.get(flag.value) ?? null } : flag;
}

/** A descriptor of the owning user namespace. EPERM: it is not the caller's own or a descendant of that. */
export function openOwner(fd: number): SysResult {
  return ioctlValue(fd, NS_GET_USERNS);
}

/**
 * A descriptor of the parent. EINVAL: only pid and user namespaces have one; EPERM: it is the initial
 * namespace, or its parent lies outside of the caller's own.
 */
export function openParent(fd: number): SysResult {
  return ioctlValue(fd, NS_GET_PARENT);
}

/** The uid that made a user namespace, as the caller's user namespace shows it. EINVAL: of another type. */
export function ownerUid(fd: number): SysResult {
  const got = ioctlBytes(fd, NS_GET_OWNER_UID, scratch);
  return got.ok ? { ok: true, value: scratch.readUInt32LE(0) } : got;
}

/** The never reused id of a mount namespace (Linux 6.11), ENOTTY before. */
export function mountNamespaceId(fd: number): SysResult<bigint> {
  return readId(fd, NS_GET_MNTNS_ID);
}

/** The never reused id of a namespace of any type (Linux 6.18), ENOTTY before. */
export function namespaceId(fd: number): SysResult<bigint> {
  return readId(fd, NS_GET_ID);
}

/** struct mnt_ns_info, Linux 6.12. */
export interface MountNamespaceInfo {
  /** See {@link mountNamespaceId}. */
  readonly id: bigint;
  /**
   * How many mounts it holds, also those that no path leads to; its root mount, which something else covers on most
   * hosts, is not counted (copy_ns_info_to_user() of fs/nsfs.c).
   */
  readonly mounts: number;
}

/** What the kernel tells of a mount namespace (Linux 6.12), ENOTTY before. EINVAL: of another type. */
export function mountNamespaceInfo(fd: number): SysResult<MountNamespaceInfo> {
  const got = readInfo(fd, NS_MNT_GET_INFO);
  return got.ok ? { ok: true, value: infoInScratch() } : got;
}

/** {@link MountNamespaceInfo.mounts} (Linux 6.12). Where listmount(2) gives fewer, its list was cut. */
export function mountCount(fd: number): SysResult {
  const got = readInfo(fd, NS_MNT_GET_INFO);
  return got.ok ? { ok: true, value: infoInScratch().mounts } : got;
}

/**
 * Every mount namespace of the node, also those that no process is in (Linux 6.12, ENOTTY before), in about two
 * microseconds each. EPERM: not in the initial pid namespace, or without CAP_SYS_ADMIN.
 */
export function listMountNamespaces(): SysResult<readonly MountNamespaceInfo[]> {
  const list: MountNamespaceInfo[] = [];
  for (const step of [NS_MNT_GET_NEXT, NS_MNT_GET_PREV]) {
    const walked = withNamespace("/proc/self/ns/mnt", (own) => {
      if (step === NS_MNT_GET_NEXT) {
        const info = mountNamespaceInfo(own);
        if (!info.ok) return info;
        list.push(info.value);
      }
      return walk(own, step, list);
    });
    if (!walked.ok) return walked;
  }
  return { ok: true, value: list };
}

/** Adds the mount namespaces that come after `own`, or before it, by ascending id. */
function walk(own: number, step: number, list: MountNamespaceInfo[]): SysResult<null> {
  let at = own;
  try {
    for (;;) {
      const next = readInfo(at, step);
      if (at !== own) close(at);
      at = own;
      // ENOENT: that was the last one
      if (!next.ok) return next.errno === "ENOENT" ? { ok: true, value: null } : next;
      list.push(infoInScratch());
      at = next.value;
    }
  } finally {
    if (at !== own) close(at);
  }
}

/** Not every kernel takes a null pointer for those that walk: 6.19 and later want a struct. */
function readInfo(fd: number, request: number): SysResult {
  scratch.fill(0);
  scratch.writeUInt32LE(scratch.length, 0);
  return ioctlBytes(fd, request, scratch);
}

function infoInScratch(): MountNamespaceInfo {
  return { id: scratch.readBigUInt64LE(8), mounts: scratch.readUInt32LE(4) };
}

/**
 * The four translations between the pids of the caller's pid namespace and those of `fd`, a pid namespace
 * (Linux 6.12). ESRCH: no such pid there; but 6.16 to 6.19 give ENOTTY for that, so that ENOTTY does not
 * prove that the kernel lacks them.
 */
export const pidFromPidns = (fd: number, pid: number): SysResult =>
  ioctlValue(fd, NS_GET_PID_FROM_PIDNS, pid);
export const tgidFromPidns = (fd: number, pid: number): SysResult =>
  ioctlValue(fd, NS_GET_TGID_FROM_PIDNS, pid);
export const pidInPidns = (fd: number, pid: number): SysResult => ioctlValue(fd, NS_GET_PID_IN_PIDNS, pid);
export const tgidInPidns = (fd: number, pid: number): SysResult => ioctlValue(fd, NS_GET_TGID_IN_PIDNS, pid);

function readId(fd: number, request: number): SysResult<bigint> {
  const got = ioctlBytes(fd, request, scratch);
  return got.ok ? { ok: true, value: scratch.readBigUInt64LE(0) } : got;
}
