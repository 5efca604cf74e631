import type { Evidence, Severity } from "../../event.js";
import type { ContainerView, DetachedProcfs } from "../container-view.js";
import { userEvidence } from "../evidence.js";
import type { Rule } from "../rule.js";

export const procFdDetached: Rule<ContainerView> = {
  id: "proc-fd-detached",
  title: "A process of the container holds a procfs that is mounted nowhere",
  kind: "posture",
  severity: "critical",
  severityDependsOn:
    "Critical where it shows the host's processes, or where it is whole and the container's root is the host's; low " +
    "with subset=pid; else medium.",
  description:
    "A descriptor refers to a procfs mount that is in no mount table: fsmount(2) or open_tree(2) made it, or it was " +
    "passed on. It has no masks and no read-only mounts, and no list of mounts shows it.",
  remediation:
    "End the process that holds it; take CAP_SYS_ADMIN from the container, or find out who passed it on.",
  references: [
    "https://man7.org/linux/man-pages/man2/fsmount.2.html",
    "https://man7.org/linux/man-pages/man2/open_tree.2.html",
    "https://attack.mitre.org/techniques/T1611/",
  ],
  tags: ["mitre:T1611", "pss:Capabilities"],
  needs: ["descriptors"],
  subsumes: [],
  benign: [
    "A runtime at work: runc and crun hold one until they run the container's program, and are left out.",
  ],
  evaluate: (container) =>
    (container.detached ?? []).map((file, index) => ({
      place: `${file.pid}/fd/${file.fd}`,
      severity: severityOf(container, file),
      evidence: [
        ...(index === 0 ? omittedEvidence(container) : []),
        {
          fact: `descriptor ${file.fd} of process ${file.pid} is on a procfs (device ${file.dev}) that is mounted nowhere`,
          check: `grep mnt_id /proc/${file.pid}/fdinfo/${file.fd}; cat /proc/${file.pid}/mountinfo`,
        },
        userEvidence(container),
      ],
    })),
};

function omittedEvidence({ detached, detachedOmitted = 0 }: ContainerView): Evidence[] {
  if (detachedOmitted === 0) return [];
  const count = (detached?.length ?? 0) + detachedOmitted;
  return [{ fact: `there are ${count} such descriptors, of which ${detachedOmitted} were not looked at` }];
}

function severityOf({ realRoot }: ContainerView, { shows, subset }: DetachedProcfs): Severity {
  if (shows === "host") return realRoot ? "critical" : "medium";
  if (subset === "pid") return "low";
  return realRoot ? "critical" : "medium";
}
