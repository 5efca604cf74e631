import { existsSync, readFileSync, readlinkSync, statfsSync } from "node:fs";
import { release } from "node:os";
import { HostPath } from "./host-path.js";
import { readMountinfo } from "./mountinfo.js";
import { readNamespaceLink } from "./nsfs.js";
import { type InterfaceSupport, nsfsSupport } from "./nsfs-support.js";
import {
  hasCapability,
  hasKernelBtf,
  inInitialPidNs,
  inInitialUserNs,
  lackedCapabilities,
} from "./privileges.js";
import { parseProcfsOptions } from "./procfs-options.js";
import { syscallSupport } from "./syscall-support.js";

/** One thing that `keyhole doctor` looked at. */
export interface Check {
  readonly name: string;
  /** `missing`: the agent cannot run without it. */
  readonly status: "ok" | "degraded" | "missing";
  readonly found: string;
  /** What one loses. */
  readonly lacks: string | null;
  /** What to do about it. */
  readonly fix: string | null;
}

/** include/uapi/linux/magic.h. */
const PROC_SUPER_MAGIC = 0x9fa0;

/** The first kernel with everything the agent cannot do without: the BPF ring buffer and iterators, setns(2) by pidfd. */
const FLOOR: readonly [number, number] = [5, 8];
/** From here on BPF memory is charged to the cgroup and no longer to RLIMIT_MEMLOCK. */
const CGROUP_CHARGED: readonly [number, number] = [5, 11];

/** What the node and the agent's privileges allow, but for what needs BPF programs to be tried. */
export function hostChecks(host: HostPath): Check[] {
  return [
    kernelVersion(),
    capabilities(),
    userNamespace(),
    pidNamespace(),
    hostProc(host),
    hidepid(host),
    pid1(host),
    btf(),
    lockdown(host),
    memlock(),
    tracefs(host),
    unprivilegedBpf(host),
    ioUring(host),
    ...nsfsSupport().map((support) => ofInterface("nsfs", support)),
    ...syscallSupport().map((support) => ofInterface("kernel", support)),
  ];
}

function ok(name: string, found: string): Check {
  return { name, status: "ok", found, lacks: null, fix: null };
}

function kernelVersion(): Check {
  const name = "kernel version";
  if (!isBefore(FLOOR)) return ok(name, release());
  return {
    name,
    status: "missing",
    found: release(),
    lacks: "the BPF ring buffer and the task iterator",
    fix: `use Linux ${FLOOR.join(".")} or later`,
  };
}

function capabilities(): Check {
  const name = "capabilities";
  const lacked = lackedCapabilities();
  if (lacked.length === 0) return ok(name, "CAP_BPF and CAP_PERFMON, or CAP_SYS_ADMIN; CAP_SYS_PTRACE");
  return {
    name,
    status: "missing",
    found: `without ${lacked.join(", ")}`,
    lacks: "tracing, and the namespaces of other processes",
    fix: "run as root (sudo), or with `privileged: true` or these capabilities in the pod",
  };
}

function userNamespace(): Check {
  const name = "user namespace";
  if (inInitialUserNs()) return ok(name, "the initial one");
  return {
    name,
    status: "missing",
    found: "another than the initial one",
    lacks: "tracing: its capabilities do not count for the node",
    fix: "run outside of a user namespace (`hostUsers: true`, no rootless container)",
  };
}

function pidNamespace(): Check {
  const name = "pid namespace";
  if (inInitialPidNs()) return ok(name, "the initial one");
  return {
    name,
    status: "missing",
    found: "another than the initial one",
    lacks: "every process outside of it: the iterator, the ioctls and the pids are blind from here",
    fix: "set `hostPID: true` in the pod (docker run --pid=host)",
  };
}

function hostProc(host: HostPath): Check {
  const name = "host /proc";
  const fix = "point the host root at where the host's / is mounted, with its submounts (rbind)";
  const lacks = "processes and their namespaces";
  try {
    if (statfsSync(host.proc()).type !== PROC_SUPER_MAGIC) {
      return { name, status: "missing", found: `${host.proc()} is not a procfs`, lacks, fix };
    }
    // The link shows the reader's pid in the pid namespace that the procfs instance belongs to.
    const self = readlinkSync(host.proc("self"));
    if (self === String(process.pid)) return ok(name, `${host.proc()}, of the agent's own pid namespace`);
    return { name, status: "missing", found: `${host.proc()} is of another pid namespace`, lacks, fix };
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "unknown";
    return { name, status: "missing", found: `${host.proc()}: ${code}`, lacks, fix };
  }
}

function hidepid(host: HostPath): Check {
  const name = "host /proc options";
  const own = new HostPath();
  const mount = readMountinfo(own, process.pid)?.findLast(({ point }) => point === host.proc());
  if (mount === undefined) return ok(name, "not a mount of its own");
  const options = parseProcfsOptions(mount.superOptions);
  if (options.subset !== null) {
    return {
      name,
      status: "degraded",
      found: `subset=${options.subset}`,
      lacks: "the host's settings below /proc/sys",
      fix: "mount the host's procfs without subset",
    };
  }
  if (options.hidepid === "off") return ok(name, "no hidepid");
  return {
    name,
    status: "degraded",
    found: `hidepid=${options.hidepid}`,
    lacks: "processes that have a capability which the agent lacks",
    fix: "mount -o remount,hidepid=0 /proc, or give the agent all capabilities",
  };
}

function pid1(host: HostPath): Check {
  const name = "namespaces of pid 1";
  const link = readNamespaceLink(host.proc(1, "ns", "mnt"));
  if (link.ok) return ok(name, "readable");
  return {
    name,
    status: "degraded",
    found: link.errno,
    lacks: "proof that the host's namespaces are the initial ones, which is assumed",
    fix: "give the agent every capability that pid 1 has: see CapEff in /proc/1/status and /proc/self/status",
  };
}

function btf(): Check {
  const name = "kernel BTF";
  if (hasKernelBtf()) return ok(name, "/sys/kernel/btf/vmlinux");
  return {
    name,
    status: "missing",
    found: "no /sys/kernel/btf/vmlinux",
    lacks: "tracing: the programs find the fields of kernel structures through it",
    fix: "use a kernel built with CONFIG_DEBUG_INFO_BTF=y, and mount /sys",
  };
}

/** Lockdown in confidentiality mode refuses bpf_probe_read_kernel() (kernel_lockdown(7)). */
function lockdown(host: HostPath): Check {
  const name = "lockdown";
  const text = readText(host.sys("kernel", "security", "lockdown"));
  const mode = text === null ? null : (/\[(\w+)\]/.exec(text)?.[1] ?? null);
  if (mode === null) return ok(name, "unknown: no lockdown file in securityfs");
  if (mode !== "confidentiality") return ok(name, mode);
  return {
    name,
    status: "missing",
    found: mode,
    lacks: "tracing: BPF programs may not read kernel memory",
    fix: "boot with lockdown=integrity",
  };
}

function memlock(): Check {
  const name = "RLIMIT_MEMLOCK";
  if (!isBefore(CGROUP_CHARGED)) return ok(name, "BPF memory is charged to the cgroup (Linux 5.11)");
  if (hasCapability("CAP_SYS_RESOURCE")) return ok(name, "raised by the agent");
  return {
    name,
    status: "degraded",
    found: "cannot be raised without CAP_SYS_RESOURCE",
    lacks: "room for the ring buffer and the maps, which this kernel charges to it",
    fix: "add CAP_SYS_RESOURCE, or start with `ulimit -l unlimited`",
  };
}

function tracefs(host: HostPath): Check {
  const mounted = existsSync(host.sys("kernel", "tracing", "events"));
  return ok(
    "tracefs",
    `${mounted ? "mounted" : "not mounted"}; not needed: the programs use raw tracepoints`,
  );
}

function unprivilegedBpf(host: HostPath): Check {
  const value = readText(host.proc("sys", "kernel", "unprivileged_bpf_disabled"))?.trim();
  const meaning = value === "0" ? "0: any user may load BPF programs" : `${value ?? "unknown"}`;
  return ok("kernel.unprivileged_bpf_disabled", `${meaning}; the agent does not depend on it`);
}

function ioUring(host: HostPath): Check {
  const name = "io_uring";
  const disabled = readText(host.proc("sys", "kernel", "io_uring_disabled"))?.trim();
  if (disabled === "2") return ok(name, "disabled");
  // No io_uring operation mounts or changes a namespace (include/uapi/linux/io_uring.h, enum io_uring_op).
  return {
    ...ok(name, "enabled; it has no operation that mounts or changes a namespace"),
    lacks: "opens of files below /proc that go through io_uring, in tracepoint mode",
    fix: "sysctl kernel.io_uring_disabled=2 where nothing uses it (Linux 6.6)",
  };
}

function ofInterface(kind: string, support: InterfaceSupport): Check {
  const name = `${kind} ${support.name}`;
  if (support.supported) return ok(name, "there");
  const found = `${support.errno ?? "not there"}; in its place: ${support.fallback}`;
  if (support.lacks === null) return ok(name, found);
  return {
    name,
    status: "degraded",
    found,
    lacks: support.lacks,
    fix: `use Linux ${support.since} or later`,
  };
}

function isBefore([major, minor]: readonly [number, number]): boolean {
  const [ourMajor = 0, ourMinor = 0] = release().split(/[.-]/).map(Number);
  return ourMajor < major || (ourMajor === major && ourMinor < minor);
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null;
  }
}
