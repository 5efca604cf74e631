import type { ContainerView } from "../container-view.js";
import { userEvidence } from "../evidence.js";
import type { Rule } from "../rule.js";
import { isUnmasked, isWhole } from "./proc-unmasked.js";

export const masksAdvisoryCap: Rule<ContainerView> = {
  id: "masks-advisory-cap",
  title: "The container can take its masks away",
  kind: "posture",
  severity: "high",
  description:
    "A process of the container has CAP_SYS_ADMIN in the host's user namespace, which owns the container's mount " +
    "namespace: umount(2) of a mask, a remount of /proc/sys or a new procfs succeed, without leaving the container. The " +
    "masks are there, and keep nobody out.",
  remediation: "Drop CAP_SYS_ADMIN, or run the container in a user namespace (hostUsers: false).",
  references: [
    "https://man7.org/linux/man-pages/man7/capabilities.7.html",
    "https://man7.org/linux/man-pages/man7/mount_namespaces.7.html",
    "https://attack.mitre.org/techniques/T1611/",
  ],
  tags: ["mitre:T1611", "mitre:T1562.001", "pss:Capabilities", "pss:Privileged Containers"],
  needs: ["mountinfo"],
  subsumes: [],
  benign: ["Storage, network and FUSE drivers, which mount by their nature."],
  evaluate: (container) => {
    if (!container.sysAdmin || !container.initUserNs || !container.realRoot) return [];
    return container.procfs
      .filter((view) => isWhole(view) && !isUnmasked(container, view) && view.isHosts !== true)
      .filter(({ covers }) => covers.some(({ kind }) => kind === "mask" || kind === "readonly"))
      .map((view) => ({
        place: view.point,
        severity: "high" as const,
        evidence: [
          {
            fact: `process ${container.task.pid} has CAP_SYS_ADMIN, and ${view.point} is protected by mounts alone`,
            check: `grep CapEff /proc/${container.task.pid}/status`,
          },
          userEvidence(container),
        ],
      }));
  },
};
