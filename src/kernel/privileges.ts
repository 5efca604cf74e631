import { existsSync } from "node:fs";
import { KeyholeError } from "../errors.js";
import { HostPath } from "./host-path.js";
import { readNamespaceLink } from "./nsfs.js";
import { readStatus } from "./status.js";

/** Bits of include/uapi/linux/capability.h. */
const CAPABILITY_BITS = {
  CAP_SYS_PTRACE: 19,
  CAP_SYS_ADMIN: 21,
  CAP_SYS_RESOURCE: 24,
  CAP_PERFMON: 38,
  CAP_BPF: 39,
} as const;
export type Capability = keyof typeof CAPABILITY_BITS;

/** PROC_USER_INIT_INO and PROC_PID_INIT_INO of include/linux/proc_ns.h: the same on every kernel. */
export const INIT_USER_NS = 0xeffffffd;
export const INIT_PID_NS = 0xeffffffc;

/** The status the process ends with when the node or its privileges do not let the agent run. */
export const EXIT_REFUSED = 3;

/** The agent's own files, wherever the host's root is mounted. */
const OWN = new HostPath();

/** Whether the agent itself has `capability` in its effective set. */
export function hasCapability(capability: Capability): boolean {
  const effective = readStatus(OWN, "self")?.capEff ?? 0n;
  return ((effective >> BigInt(CAPABILITY_BITS[capability])) & 1n) === 1n;
}

/**
 * The capabilities that the agent needs and lacks. bpf(2) wants CAP_BPF and CAP_PERFMON, or CAP_SYS_ADMIN
 * (capabilities(7)); the namespaces of other users' processes want CAP_SYS_PTRACE (ptrace(2)).
 */
export function lackedCapabilities(): Capability[] {
  const lacked: Capability[] = [];
  if (!hasCapability("CAP_SYS_ADMIN")) {
    if (!hasCapability("CAP_BPF")) lacked.push("CAP_BPF");
    if (!hasCapability("CAP_PERFMON")) lacked.push("CAP_PERFMON");
  }
  if (!hasCapability("CAP_SYS_PTRACE")) lacked.push("CAP_SYS_PTRACE");
  return lacked;
}

/** Whether the agent's capabilities count for the whole node, not only for a user namespace of its own. */
export function inInitialUserNs(): boolean {
  return isOwnNamespace("user", INIT_USER_NS);
}

/** Whether the agent sees all processes of the node under the pids the kernel itself uses. */
export function inInitialPidNs(): boolean {
  return isOwnNamespace("pid", INIT_PID_NS);
}

/**
 * Whether libbpf will find the kernel's type information, /sys/kernel/btf/vmlinux (CONFIG_DEBUG_INFO_BTF). It
 * is libbpf that looks there, so that this is the agent's own /sys whatever the host's root is.
 */
export function hasKernelBtf(): boolean {
  return existsSync(OWN.sys("kernel", "btf", "vmlinux"));
}

/**
 * Why the agent cannot run here at all, as an error to end with; null when it can. Codes: KEYHOLE_NOT_ROOT,
 * KEYHOLE_NOT_HOST_PIDNS, KEYHOLE_HOST_ROOT, KEYHOLE_NO_BTF.
 */
export function startRefusal(host: HostPath): KeyholeError | null {
  const lacked = lackedCapabilities();
  if (lacked.length > 0 || !inInitialUserNs()) {
    return new KeyholeError("not enough privileges to trace the kernel", {
      code: "KEYHOLE_NOT_ROOT",
      expected: "root of the host's own user namespace, or CAP_BPF, CAP_PERFMON and CAP_SYS_PTRACE in it",
      found:
        lacked.length > 0
          ? `uid ${process.getuid?.()} without ${lacked.join(", ")}`
          : "capabilities that hold in another user namespace only",
      hint: "run keyhole as root (sudo), or with `privileged: true` or these capabilities in its pod",
      exitCode: EXIT_REFUSED,
    });
  }
  if (!inInitialPidNs()) {
    return new KeyholeError("not in the host's pid namespace", {
      code: "KEYHOLE_NOT_HOST_PIDNS",
      expected: `the initial pid namespace, pid:[${INIT_PID_NS}]`,
      found: ownNamespace("pid"),
      hint: "set `hostPID: true` in the pod (docker run --pid=host): from elsewhere other pids cannot be seen",
      exitCode: EXIT_REFUSED,
    });
  }
  if (!existsSync(host.proc("self", "ns"))) {
    return new KeyholeError("the host root has no /proc", {
      code: "KEYHOLE_HOST_ROOT",
      expected: `the host's procfs on ${host.proc()}`,
      found: "no process of this pid namespace there",
      hint: "point the host root at where the host's / is mounted, with its submounts (rbind)",
      exitCode: EXIT_REFUSED,
    });
  }
  if (!hasKernelBtf()) {
    return new KeyholeError("the kernel has no type information (BTF)", {
      code: "KEYHOLE_NO_BTF",
      expected: OWN.sys("kernel", "btf", "vmlinux"),
      found: "no such file",
      hint: "use a kernel built with CONFIG_DEBUG_INFO_BTF=y, and mount /sys",
      exitCode: EXIT_REFUSED,
    });
  }
  return null;
}

function isOwnNamespace(type: "user" | "pid", inum: number): boolean {
  const link = readNamespaceLink(OWN.proc("self", "ns", type));
  return link.ok && link.value === inum;
}

function ownNamespace(type: "user" | "pid"): string {
  const link = readNamespaceLink(OWN.proc("self", "ns", type));
  return link.ok ? `${type}:[${link.value}]` : `${OWN.proc("self", "ns", type)}: ${link.errno}`;
}
