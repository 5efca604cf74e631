import type { SysResult } from "./libc.js";
import { close } from "./libc.js";
import {
  mountCount,
  mountNamespaceId,
  namespaceId,
  nsType,
  openOwner,
  openParent,
  ownerUid,
  pidFromPidns,
  pidInPidns,
  tgidFromPidns,
  tgidInPidns,
  withNamespace,
} from "./nsfs.js";

/** Whether this kernel has one of its newer interfaces, and what stands in for it. */
export interface InterfaceSupport {
  readonly name: string;
  readonly supported: boolean;
  /** The errno of the probe where it failed. */
  readonly errno: string | null;
  /** The first Linux version that has it. */
  readonly since: string;
  /** What is used in its place. */
  readonly fallback: string;
  /** What is lost with that; null where nothing is. */
  readonly lacks: string | null;
}

interface NsfsProbe extends Pick<InterfaceSupport, "name" | "since" | "fallback" | "lacks"> {
  readonly type: "mnt" | "pid" | "user" | "uts";
  readonly call: (fd: number) => SysResult<unknown>;
}

const NOTHING = "none";
const NS_PID = "NSpid of /proc/PID/status";
const NS_PID_LACKS = "pids are translated slower";

/**
 * The pid probes ask for the agent's own pid: for a pid that does not exist Linux 6.16 to 6.19 answer ENOTTY,
 * as a kernel without the ioctl does.
 */
const PROBES: readonly NsfsProbe[] = [
  {
    name: "NS_GET_NSTYPE",
    since: "4.11",
    type: "uts",
    call: nsType,
    fallback: "the name of the link",
    lacks: null,
  },
  {
    name: "NS_GET_USERNS",
    since: "4.9",
    type: "uts",
    call: closing(openOwner),
    fallback: NOTHING,
    lacks: "the owner of a namespace",
  },
  {
    name: "NS_GET_PARENT",
    since: "4.9",
    type: "pid",
    call: closing(openParent),
    fallback: NOTHING,
    lacks: "the parent of a pid namespace",
  },
  {
    name: "NS_GET_OWNER_UID",
    since: "4.11",
    type: "user",
    call: ownerUid,
    fallback: NOTHING,
    lacks: "who made a user namespace",
  },
  {
    name: "NS_GET_MNTNS_ID",
    since: "6.11",
    type: "mnt",
    call: mountNamespaceId,
    fallback: "inum + first seen",
    lacks: "a mount namespace can be taken for an earlier one with the same inode number",
  },
  {
    name: "NS_GET_ID",
    since: "6.18",
    type: "uts",
    call: namespaceId,
    fallback: "inum + first seen",
    lacks: "a namespace can be taken for an earlier one with the same inode number",
  },
  {
    name: "NS_MNT_GET_INFO",
    since: "6.12",
    type: "mnt",
    call: mountCount,
    fallback: "the lines of /proc/PID/mountinfo",
    lacks: null,
  },
  pidProbe("NS_GET_PID_FROM_PIDNS", pidFromPidns),
  pidProbe("NS_GET_TGID_FROM_PIDNS", tgidFromPidns),
  pidProbe("NS_GET_PID_IN_PIDNS", pidInPidns),
  pidProbe("NS_GET_TGID_IN_PIDNS", tgidInPidns),
];

let probed: readonly InterfaceSupport[] | null = null;

/** Which ioctls of nsfs this kernel has, asked once. */
export function nsfsSupport(): readonly InterfaceSupport[] {
  probed ??= PROBES.map(probe);
  return probed;
}

function probe({ type, call, ...described }: NsfsProbe): InterfaceSupport {
  const result = withNamespace(`/proc/self/ns/${type}`, call);
  // Any other errno comes from behind the switch on the request: EPERM is what the initial ones have no parent for.
  const supported = result.ok || result.errno !== "ENOTTY";
  return { ...described, supported, errno: result.ok ? null : result.errno };
}

function pidProbe(name: string, call: (fd: number, pid: number) => SysResult): NsfsProbe {
  return {
    name,
    since: "6.12",
    type: "pid",
    call: (fd) => call(fd, process.pid),
    fallback: NS_PID,
    lacks: NS_PID_LACKS,
  };
}

function closing(call: (fd: number) => SysResult): (fd: number) => SysResult {
  return (fd) => {
    const opened = call(fd);
    if (opened.ok) close(opened.value);
    return opened;
  };
}
