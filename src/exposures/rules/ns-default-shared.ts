import type { ContainerView } from "../container-view.js";
import type { Rule } from "../rule.js";
import { isShared } from "./ns-shared-with-host.js";

const SHARED = [
  ["user", "their root is the host's root, kept in by capabilities, masks and security modules alone"],
  ["cgroup", "they see the names of the host's cgroups"],
] as const;

export const nsDefaultShared: Rule<ContainerView> = {
  id: "ns-default-shared",
  title: "Containers are in the host's user or cgroup namespace",
  kind: "posture",
  severity: "info",
  description:
    "Runtimes give containers no user namespace, and with cgroup v1 no cgroup namespace, unless they are told to. One " +
    "finding for the node: it says nothing about any one container.",
  remediation:
    "Run containers in user namespaces (hostUsers: false, --userns-remap, rootless), and use cgroup v2.",
  references: [
    "https://kubernetes.io/docs/concepts/workloads/pods/user-namespaces/",
    "https://man7.org/linux/man-pages/man7/cgroup_namespaces.7.html",
    "https://attack.mitre.org/techniques/T1611/",
  ],
  tags: ["mitre:T1611"],
  needs: ["mountinfo"],
  subsumes: [],
  evaluate: (container) =>
    SHARED.filter(([type]) => isShared(container, type)).map(([type, what]) => ({
      place: type,
      severity: "info" as const,
      evidence: [
        {
          fact: `there are containers in the host's ${type} namespace: ${what}`,
          check: `readlink /proc/${container.task.pid}/ns/${type} /proc/1/ns/${type}`,
        },
      ],
    })),
};
