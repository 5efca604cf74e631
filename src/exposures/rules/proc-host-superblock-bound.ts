import type { Severity } from "../../event.js";
import type { ContainerProcfs, ContainerView } from "../container-view.js";
import { mountEvidence, userEvidence } from "../evidence.js";
import type { Rule } from "../rule.js";

export const procHostSuperblockBound: Rule<ContainerView> = {
  id: "proc-host-superblock-bound",
  title: "The host's own /proc is mounted in the container",
  kind: "posture",
  severity: "critical",
  description:
    "A mount in the container shows the superblock of the host's /proc. Every process of the host is below it, " +
    "with its root directory, and the masks of the container's own /proc do not lie on it.",
  remediation:
    "Remove the volume or bind mount of the host's /proc. An agent that needs it: mount it read-only, run as a " +
    "user other than root, and drop all capabilities.",
  references: [
    "https://man7.org/linux/man-pages/man5/proc.5.html",
    "https://kubernetes.io/docs/concepts/storage/volumes/#hostpath",
    "https://attack.mitre.org/techniques/T1611/",
  ],
  tags: ["mitre:T1611", "mitre:T1057", "pss:HostPath Volumes"],
  needs: ["mountinfo", "host-procfs"],
  subsumes: [
    "proc-host-pidns-visible",
    "proc-foreign-pidns-visible",
    "proc-extra-mount",
    "proc-subtree-bind",
    "proc-hidepid-off-shared",
    "proc-unmasked",
    "proc-sys-writable",
    "proc-mask-missing",
    "proc-readonly-missing",
    "proc-unknown-entry",
  ],
  evaluate: (container) =>
    container.procfs
      .filter((view) => view.isHosts === true)
      .map((view) => ({
        place: view.point,
        severity: severityOf(view, container.realRoot),
        evidence: [
          mountEvidence(container, view),
          {
            fact: `device ${view.dev} is that of the host's own /proc`,
            check: "awk '$5 == \"/proc\"' /proc/1/mountinfo",
          },
          userEvidence(container),
        ],
      })),
};

/** The parts through which the whole host can be reached: processes' directories and the sysctls. */
const WHOLE_HOST = /^\/(?:$|sys(?:\/|$)|sysrq-trigger$|[0-9]+(?:\/|$))/;

function severityOf(view: ContainerProcfs, realRoot: boolean): Severity {
  const writes = realRoot && !view.readonly;
  if (WHOLE_HOST.test(view.root)) return writes ? "critical" : "high";
  return writes ? "high" : "medium";
}
