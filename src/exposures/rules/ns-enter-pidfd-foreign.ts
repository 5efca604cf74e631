import type { ActRule } from "../act.js";
import { askedOf, entered, enteredOfHost } from "./setns-types.js";

export const nsEnterPidfdForeign: ActRule = {
  id: "ns-enter-pidfd-foreign",
  title: "A container's task entered the namespaces of a process outside of its container",
  kind: "act",
  severity: "critical",
  severityDependsOn:
    "critical where a namespace of the host was entered, high for those of another container, low for a call that " +
    "the kernel refused",
  description:
    "A task in a container called setns(2) with a pidfd of a process that is not in its container. One call takes it " +
    "into as many of that process's namespaces as it asks for. The kernel demands ptrace access to the process, so " +
    "that a container that can do this can also read its memory.",
  remediation:
    "Find out how the container came by a pidfd of a stranger: it shares a pid namespace (hostPID, " +
    "shareProcessNamespace, --pid=container:), or was passed the descriptor. Take that away, and CAP_SYS_ADMIN and " +
    "CAP_SYS_PTRACE with it.",
  references: [
    "https://man7.org/linux/man-pages/man2/setns.2.html",
    "https://man7.org/linux/man-pages/man2/pidfd_open.2.html",
    "https://github.com/torvalds/linux/blob/master/kernel/nsproxy.c",
    "https://attack.mitre.org/techniques/T1611/",
  ],
  tags: ["mitre:T1611", "pss:Host Namespaces", "pss:Privileged Containers"],
  needs: ["syscalls"],
  subsumes: ["ns-enter-host"],
  benign: ["crun and systemd enter containers by pidfd from the host, where this rule does not look"],
  syscalls: ["setns"],
  mayConcern: ({ ret, target }) => ret !== null && target?.via === "pidfd",
  evaluate: (act) => {
    const { call } = act;
    const { target, container } = call;
    // nobody's: the process has ended, or is not known
    if (call.ret === null || target?.via !== "pidfd" || target.namespaces === null) return [];
    if (target.container?.id === container?.id) return [];
    if (isBelow(act.call)) return [];
    const { pid } = call.process;
    const whose = target.container === null ? "of the host" : "in another container";
    const isRefused = call.ret !== 0;
    const types = isRefused ? askedOf(call) : entered(call);
    if (types.length === 0) return [];
    const fact = isRefused
      ? `process ${pid} was refused the ${types.join(", ")} namespace of process ${target.pid} ${whose}: ${call.errno ?? "?"}`
      : `process ${pid} is now in the ${types.join(", ")} namespace of process ${target.pid} ${whose}`;
    return [
      {
        place: "setns",
        severity: isRefused ? "low" : enteredOfHost(act).length > 0 ? "critical" : "high",
        evidence: [{ fact, check: `ls -l /proc/${pid}/ns /proc/${target.pid}/ns` }],
      },
    ];
  },
};

/** Into a container that runs within the caller's: its runtime's own work. */
function isBelow({ direction }: Parameters<typeof entered>[0]): boolean {
  return direction === "to-descendant";
}
