import type { MountState, Severity } from "../../event.js";
import { type Act, type ActRule, hasFlag, isByRuntime, type ObservedCall, pathArgument } from "../act.js";
import type { Exposure } from "../rule.js";

/** File systems whose files are the kernel's own: a mask or a console that shows one was led astray. */
const PSEUDO: ReadonlySet<string> = new Set([
  ...["proc", "sysfs", "cgroup", "cgroup2", "debugfs", "tracefs"],
  ...["securityfs", "binfmt_misc", "bpf"],
]);

export const devNullTampered: ActRule = {
  id: "dev-null-tampered",
  title: "A runtime was led to mount something else than /dev/null or a terminal",
  kind: "act",
  severity: "critical",
  severityDependsOn: "critical where it mounted a file of procfs, sysfs or the like, high for any other file",
  description:
    "While it made a container ready, a runtime mounted a file that is not what it takes it for: over a masked path " +
    "one that is not the null device, on /dev/console one that is no terminal, or over a read-only path another one. " +
    "Somebody replaced the file in the container's root meanwhile, by a link for example, and has a writable file of " +
    "the host's kernel in the container now (CVE-2025-31133, CVE-2025-52565).",
  remediation:
    "End the container and those that share a volume with it. Update the runtime (runc 1.2.8, 1.3.3 or 1.4.0-rc.3 and " +
    "later), and run containers in a user namespace.",
  references: [
    "https://nvd.nist.gov/vuln/detail/CVE-2025-31133",
    "https://nvd.nist.gov/vuln/detail/CVE-2025-52565",
    "https://github.com/opencontainers/runc/security/advisories",
    "https://attack.mitre.org/techniques/T1611/",
  ],
  tags: ["mitre:T1611"],
  needs: ["syscalls"],
  subsumes: [],
  // crun attaches what open_tree(2) gave it
  syscalls: ["mount", "move_mount"],
  evaluate: (act) => {
    const { call } = act;
    const mount = call.outcome?.mount;
    if (call.ret !== 0 || mount === undefined) return [];
    return bindsOrMoves(call) && isByRuntime(act) ? judge(act, mount) : [];
  },
};

function bindsOrMoves(call: ObservedCall): boolean {
  if (call.syscall === "move_mount") return true;
  // a remount makes no mount
  return hasFlag(call, "mountflags", "MS_BIND") && !hasFlag(call, "mountflags", "MS_REMOUNT");
}

function judge({ call }: Act, mount: MountState): Exposure[] {
  const { mountpoint, root, fs_type: type } = mount;
  if (mountpoint === null || root === null) return [];
  const isPseudo = type !== null && PSEUDO.has(type);
  const severity: Severity = isPseudo ? "critical" : "high";
  const source = pathArgument(call, "source");
  const shown = `${root} of ${type ?? "a file system"} (device ${mount.dev})`;
  let fact: string | null = null;
  if (source === "/dev/null" && !root.endsWith("/null")) {
    fact = `the runtime put ${shown} on ${mountpoint} where it meant /dev/null`;
  } else if (mountpoint === "/dev/console" && isPseudo) {
    fact = `the runtime put ${shown} on /dev/console where it meant a terminal`;
  } else if (
    isPseudo &&
    type === "proc" &&
    mountpoint.startsWith("/proc/") &&
    mountpoint !== `/proc${root}`
  ) {
    fact = `the runtime put ${shown} on ${mountpoint}`;
  }
  if (fact === null) return [];
  const check = `grep '^${mount.old_id} ' /proc/${call.process.pid}/mountinfo`;
  return [{ place: mountpoint, severity, evidence: [{ fact, check }] }];
}
