import type { Severity } from "../../event.js";
import { LINK_INDEX, type NsType } from "../../kernel/links.js";
import type { ContainerView } from "../container-view.js";
import { userEvidence } from "../evidence.js";
import type { Rule } from "../rule.js";
import { showsProcesses } from "./shows-processes.js";

/** By what the container's root gets of the host's; its user and cgroup namespace are told once for the node. */
const SHARED: readonly (readonly [type: NsType, root: Severity, other: Severity, what: string])[] = [
  ["mnt", "critical", "high", "its mounts are the host's"],
  ["pid", "high", "medium", "it can signal the host's processes, and trace those that it may"],
  ["net", "high", "medium", "it reaches services that listen on the loopback only, and abstract sockets"],
  ["ipc", "medium", "low", "it has the host's shared memory, semaphores and message queues"],
  ["uts", "medium", "low", "it has the host's name"],
];

export const nsSharedWithHost: Rule<ContainerView> = {
  id: "ns-shared-with-host",
  title: "The container shares a namespace with the host",
  kind: "posture",
  severity: "critical",
  severityDependsOn: "Which namespace it is, and whether the container's root is the host's.",
  description:
    "The container is in the host's mount, pid, network, IPC or UTS namespace. What belongs to it is the host's: its " +
    "sysctls too, where they are writable. That the container's procfs shows the host's processes is told by another rule.",
  remediation:
    "Leave hostPID, hostNetwork and hostIPC at false (--pid, --network, --ipc and --uts without host).",
  references: [
    "https://kubernetes.io/docs/concepts/security/pod-security-standards/",
    "https://man7.org/linux/man-pages/man7/namespaces.7.html",
    "https://attack.mitre.org/techniques/T1611/",
  ],
  tags: ["mitre:T1611", "pss:Host Namespaces"],
  needs: ["mountinfo"],
  subsumes: [],
  benign: [
    "Network plugins, kube-proxy and ingress controllers, which are in the host's network namespace.",
    "Monitoring agents such as node_exporter, which are in its pid namespace.",
  ],
  evaluate: (container) =>
    SHARED.filter(([type]) => isShared(container, type) && !isToldOtherwise(container, type)).map(
      ([type, root, other, what]) => ({
        place: `${type}:[${container.hostNs[LINK_INDEX[type]]}]`,
        severity: container.realRoot ? root : other,
        evidence: [
          {
            fact: `the container is in the host's ${type} namespace: ${what}`,
            check: `readlink /proc/${container.task.pid}/ns/${type} /proc/1/ns/${type}`,
          },
          userEvidence(container),
        ],
      }),
    ),
};

/** Whether both are known and the same. */
export function isShared({ task, hostNs }: ContainerView, type: NsType): boolean {
  const own = task.ns[LINK_INDEX[type]]!;
  return own !== 0 && own === hostNs[LINK_INDEX[type]];
}

/** A procfs that shows the host's processes is the worse of the two, and has the same remedy. */
function isToldOtherwise({ procfs }: ContainerView, type: NsType): boolean {
  return type === "pid" && procfs.some((view) => view.shows === "host" && showsProcesses(view));
}
