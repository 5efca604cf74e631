import type { ContainerView } from "../container-view.js";
import { mountEvidence, userEvidence } from "../evidence.js";
import type { Rule } from "../rule.js";
import { isUnmasked, isWhole } from "./proc-unmasked.js";

export const procExtraMount: Rule<ContainerView> = {
  id: "proc-extra-mount",
  title: "A whole procfs is mounted elsewhere than at /proc in the container",
  kind: "posture",
  severity: "critical",
  severityDependsOn:
    "Critical where nothing of it is masked and the container's root is the host's; low where it is masked, or where " +
    "that root is not the host's.",
  description:
    "Beside its /proc the container has another procfs. The masks and read-only mounts of /proc do not lie on it: " +
    "whatever they keep from the container is open there.",
  remediation:
    "Unmount it, and take from the container what let it mount procfs (CAP_SYS_ADMIN, a hostPath volume).",
  references: [
    "https://man7.org/linux/man-pages/man5/proc.5.html",
    "https://github.com/opencontainers/runtime-spec/blob/main/config-linux.md#masked-paths",
    "https://attack.mitre.org/techniques/T1611/",
  ],
  tags: ["mitre:T1611", "pss:HostPath Volumes", "pss:Privileged Containers"],
  needs: ["mountinfo"],
  subsumes: [
    "proc-unmasked",
    "proc-sys-writable",
    "proc-mask-missing",
    "proc-readonly-missing",
    "proc-unknown-entry",
  ],
  benign: [
    "LXC and LXD with nesting, at /dev/.lxc/proc.",
    "Nested runtimes and builders, which make a procfs for each container of theirs.",
  ],
  evaluate: (container) =>
    container.procfs
      .filter((view) => isWhole(view) && view.point !== "/proc")
      .map((view) => ({
        place: view.point,
        severity: container.realRoot && isUnmasked(container, view) ? "critical" : "low",
        evidence: [mountEvidence(container, view), userEvidence(container)],
      })),
};
