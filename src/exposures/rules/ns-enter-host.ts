import { SEVERITIES, type Severity } from "../../event.js";
import type { NsType } from "../../kernel/links.js";
import type { ActRule } from "../act.js";
import { enteredOfHost, mayEnterHost, refusedOfHost } from "./setns-types.js";

export const nsEnterHost: ActRule = {
  id: "ns-enter-host",
  title: "A container's task entered a namespace of the host",
  kind: "act",
  severity: "critical",
  severityDependsOn:
    "critical for the host's mount and user namespaces, high for its pid and network namespaces, medium for all " +
    "others, low for a call that the kernel refused",
  description:
    "A task in a container called setns(2) with a namespace of the host, or with a pidfd of a task that is in " +
    "one. In the host's mount namespace it sees the host's files; in its user namespace it has the host's " +
    "capabilities. A call that the kernel refused is an attempt of low severity.",
  remediation:
    "Find out what the process is. A container needs CAP_SYS_ADMIN and a way to the host's namespaces for this " +
    "(hostPID, a mount of the host's /proc, an inherited file descriptor): take away both.",
  references: [
    "https://man7.org/linux/man-pages/man2/setns.2.html",
    "https://github.com/torvalds/linux/blob/master/kernel/nsproxy.c",
    "https://attack.mitre.org/techniques/T1611/",
  ],
  tags: ["mitre:T1611", "pss:Host Namespaces", "pss:Privileged Containers"],
  needs: ["syscalls"],
  subsumes: [],
  benign: [
    "Cilium's init containers mount-cgroup and apply-sysctl-overwrites enter the host's cgroup and mount namespaces " +
      "through /hostproc/1/ns with nsenter",
    "storage drivers that run the host's mount helpers (Longhorn, CSI drivers for iSCSI) and node shells for " +
      "debugging enter the host's mount namespace: each deserves an exception of its own, by image and executable",
  ],
  syscalls: ["setns"],
  // Most refused calls name no namespace at all.
  mayConcern: (call, hostNs) =>
    call.ret === 0 ? mayEnterHost(call, hostNs) : call.ret !== null && call.target !== undefined,
  evaluate: (act) => {
    const { call } = act;
    if (call.ret === null) return [];
    const types = call.ret === 0 ? enteredOfHost(act) : refusedOfHost(act);
    if (types.length === 0) return [];
    const severities = types.map(severityOf);
    const names = types.join(", ");
    const { pid } = call.process;
    const fact =
      call.ret === 0
        ? `process ${pid} is now in the host's ${names} namespace`
        : `process ${pid} was refused the host's ${names} namespace: ${call.errno ?? "?"}`;
    return [
      {
        place: "setns",
        severity:
          call.ret === 0 ? SEVERITIES.find((severity) => severities.includes(severity))! : ("low" as const),
        evidence: [{ fact, check: `ls -l /proc/${pid}/ns /proc/1/ns` }],
      },
    ];
  },
};

function severityOf(type: NsType): Severity {
  if (type === "mnt" || type === "user") return "critical";
  return type === "pid" || type === "net" ? "high" : "medium";
}
