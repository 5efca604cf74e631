import { MASK_FLOOR } from "../../mounts/mask-lists.js";
import { isMasked } from "../../mounts/pseudo-view.js";
import type { ContainerProcfs, ContainerView } from "../container-view.js";
import { mountEvidence, userEvidence, withinProc } from "../evidence.js";
import type { Rule } from "../rule.js";

export const procUnmasked: Rule<ContainerView> = {
  id: "proc-unmasked",
  title: "The container's /proc is unmasked",
  kind: "posture",
  severity: "critical",
  description:
    "A whole procfs is mounted in the container and none of the paths that every runtime masks is masked: the " +
    "container is privileged, or was started with procMount: Unmasked or an empty list of masked paths.",
  remediation:
    "Do not run the container privileged, and leave procMount at Default. A container that builds or nests " +
    "others: keep Unmasked, and give it a user namespace (hostUsers: false).",
  references: [
    "https://kubernetes.io/docs/concepts/security/pod-security-standards/",
    "https://github.com/kubernetes/enhancements/tree/master/keps/sig-node/4265-proc-mount",
    "https://github.com/opencontainers/runtime-spec/blob/main/config-linux.md#masked-paths",
    "https://attack.mitre.org/techniques/T1611/",
  ],
  tags: ["mitre:T1611", "pss:/proc Mount Type", "pss:Privileged Containers"],
  needs: ["mountinfo"],
  subsumes: ["proc-sys-writable", "proc-mask-missing", "proc-readonly-missing"],
  evaluate: (container) => {
    const paths = MASK_FLOOR.filter((path) => path.startsWith("/proc/") && container.existing.has(path));
    return container.procfs
      .filter((view) => isWhole(view) && paths.length > 0)
      .filter((view) => !paths.some((path) => isMasked(view, withinProc(path))))
      .map((view) => ({
        place: view.point,
        // The owner of what is masked is the host's root; without it, modes and capability checks still refuse.
        severity: container.realRoot ? "critical" : "low",
        evidence: [
          mountEvidence(container, view),
          {
            fact: `nothing is mounted over any of the ${paths.length} paths below it that every runtime masks`,
            check: `grep -E ' - (proc|tmpfs|devtmpfs) ' /proc/${container.task.pid}/mountinfo`,
          },
          userEvidence(container),
        ],
      }));
  },
};

/** Whether `view` shows all of a full procfs; an instance with subset=pid has nothing that could be masked. */
export function isWhole(view: ContainerProcfs): boolean {
  return view.root === "/" && view.subset === null;
}
