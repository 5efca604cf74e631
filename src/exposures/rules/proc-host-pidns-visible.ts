import type { ContainerView } from "../container-view.js";
import { mountEvidence, userEvidence } from "../evidence.js";
import type { Rule } from "../rule.js";
import { showsProcesses } from "./shows-processes.js";

export const procHostPidnsVisible: Rule<ContainerView> = {
  id: "proc-host-pidns-visible",
  title: "The host's processes are visible in the container's /proc",
  kind: "posture",
  severity: "critical",
  description:
    "A procfs instance in the container shows the host's pid namespace. A process that is the host's root follows " +
    "/proc/PID/root of host processes without any capability as long as theirs are not more than its own, past " +
    "every mask and read-only mount of its own /proc; in a user namespace it still reads their names and arguments.",
  remediation:
    "Run the container in a pid namespace of its own (hostPID: false, no --pid=host), or in a user namespace " +
    "(hostUsers: false) where it has to see the host's processes.",
  references: [
    "https://man7.org/linux/man-pages/man5/proc_pid_root.5.html",
    "https://man7.org/linux/man-pages/man2/ptrace.2.html",
    "https://kubernetes.io/docs/concepts/security/pod-security-standards/",
    "https://attack.mitre.org/techniques/T1611/",
  ],
  tags: ["mitre:T1611", "mitre:T1057", "pss:Host Namespaces"],
  needs: ["mountinfo", "procfs-pid-namespace"],
  subsumes: ["proc-foreign-pidns-visible", "proc-hidepid-off-shared"],
  evaluate: (container) =>
    container.procfs
      .filter((view) => view.shows === "host" && showsProcesses(view))
      .map((view) => ({
        place: view.point,
        severity: container.realRoot ? "critical" : "medium",
        evidence: [
          mountEvidence(container, view),
          view.pidNs === null
            ? {
                fact: "the container is in the host's pid namespace, so that this is what its own procfs shows",
                check: `readlink /proc/${container.task.pid}/ns/pid /proc/1/ns/pid`,
              }
            : { fact: `it shows pid:[${view.pidNs}], the host's`, check: "readlink /proc/1/ns/pid" },
          userEvidence(container),
        ],
      })),
};
