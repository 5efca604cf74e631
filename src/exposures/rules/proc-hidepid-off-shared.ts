import { parseProcfsOptions } from "../../kernel/procfs-options.js";
import type { ContainerView } from "../container-view.js";
import { mountEvidence } from "../evidence.js";
import type { Rule } from "../rule.js";
import { isWhole } from "./proc-unmasked.js";

export const procHidepidOffShared: Rule<ContainerView> = {
  id: "proc-hidepid-off-shared",
  title: "Containers that share a pid namespace see each other's processes",
  kind: "posture",
  severity: "info",
  description:
    "Several containers are in one pid namespace and the procfs of this one hides nothing (hidepid=off): names, " +
    "arguments and limits of the others' processes can be read. This is what shareProcessNamespace is for, and what " +
    "the host's pid namespace gives by default.",
  remediation: "Give containers that do not trust each other a pid namespace each.",
  references: [
    "https://docs.kernel.org/filesystems/proc.html#mount-options",
    "https://kubernetes.io/docs/tasks/configure-pod-container/share-process-namespace/",
    "https://attack.mitre.org/techniques/T1057/",
  ],
  tags: ["mitre:T1057", "pss:Host Namespaces"],
  needs: ["mountinfo"],
  subsumes: [],
  benign: ["Pods with shareProcessNamespace: true, whose containers are meant to see each other."],
  evaluate: (container) => {
    const sharers = container.pidNsSharers ?? 1;
    if (sharers < 2) return [];
    return container.procfs
      .filter((view) => isWhole(view) && (view.shows === "own" || view.shows === "host"))
      .filter(({ mount }) => parseProcfsOptions(mount.superOptions).hidepid === "off")
      .map((view) => ({
        place: view.point,
        severity: "info" as const,
        evidence: [
          mountEvidence(container, view),
          {
            fact: `${sharers} containers are in its pid namespace, and hidepid is off`,
            check: `readlink /proc/${container.task.pid}/ns/pid; lsns -t pid`,
          },
        ],
      }));
  },
};
