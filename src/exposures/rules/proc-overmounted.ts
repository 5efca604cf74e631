import type { ContainerView } from "../container-view.js";
import { mountLine, userEvidence } from "../evidence.js";
import type { Rule } from "../rule.js";

export const procOvermounted: Rule<ContainerView> = {
  id: "proc-overmounted",
  title: "What is mounted at the container's /proc is not procfs",
  kind: "posture",
  severity: "high",
  severityDependsOn: "High where the container's root is the host's, else medium.",
  description:
    "Another file system, or a part of procfs, is mounted at /proc. Who made it decides what programs read about " +
    "themselves and what a runtime writes there when it starts a process, such as the label of its security module.",
  remediation: "Look at what is mounted there and who mounted it, and start the container anew without it.",
  references: [
    "https://github.com/opencontainers/runc/security/advisories/GHSA-fh74-hm69-rqjw",
    "https://attack.mitre.org/techniques/T1564/013/",
  ],
  tags: ["mitre:T1564.013", "mitre:T1611"],
  needs: ["mountinfo"],
  subsumes: ["proc-subtree-bind"],
  benign: ["Sandboxes with a kernel of their own (gVisor, Kata), of which only the outside is seen."],
  evaluate: (container) =>
    container.mounts
      .filter(({ point, fsType, root }) => point === "/proc" && (fsType !== "proc" || root !== "/"))
      .map((mount) => ({
        place: mount.point,
        severity: container.realRoot ? "high" : "medium",
        evidence: [
          {
            fact: `${mount.root === "/" ? "" : `${mount.root} of `}${mount.fsType} is mounted at /proc`,
            check: mountLine(container, mount),
          },
          userEvidence(container),
        ],
      })),
};
