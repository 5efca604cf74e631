import type { ContainerView } from "../container-view.js";
import { mountEvidence, userEvidence } from "../evidence.js";
import type { Rule } from "../rule.js";
import { showsProcesses } from "./shows-processes.js";

export const procForeignPidnsVisible: Rule<ContainerView> = {
  id: "proc-foreign-pidns-visible",
  title: "Processes of another container are visible in the container's /proc",
  kind: "posture",
  severity: "high",
  description:
    "A procfs instance in the container shows a pid namespace that is neither the container's own nor one below " +
    "it. procfs itself never gives such a view: the mount was bound, or its file descriptor passed on.",
  remediation:
    "Remove the mount that leads there. Containers that have to see each other's processes share a pid namespace " +
    "(shareProcessNamespace: true) instead.",
  references: [
    "https://man7.org/linux/man-pages/man7/pid_namespaces.7.html",
    "https://man7.org/linux/man-pages/man5/proc.5.html",
    "https://attack.mitre.org/techniques/T1057/",
  ],
  tags: ["mitre:T1057", "mitre:T1611", "pss:Host Namespaces"],
  needs: ["mountinfo", "procfs-pid-namespace", "pid-namespace-tree"],
  subsumes: [],
  evaluate: (container) =>
    container.procfs
      .filter((view) => view.shows === "foreign" && showsProcesses(view))
      .map((view) => ({
        place: view.point,
        severity: container.realRoot ? "high" : "medium",
        evidence: [
          mountEvidence(container, view),
          {
            fact: `it shows pid:[${view.pidNs}], which is not below the container's own pid namespace`,
            check: `readlink /proc/${container.task.pid}/ns/pid; lsns -t pid`,
          },
          userEvidence(container),
        ],
      })),
};
