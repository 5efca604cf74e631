import { MASK_FLOOR } from "../../mounts/mask-lists.js";
import { isMasked } from "../../mounts/pseudo-view.js";
import type { ContainerProcfs, ContainerView } from "../container-view.js";
import { mountEvidence, userEvidence, withinProc } from "../evidence.js";
import { expectationEvidence } from "../expected-paths.js";
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
  subsumes: ["proc-sys-writable", "proc-mask-missing", "proc-readonly-missing", "proc-unknown-entry"],
  severityDependsOn: "Critical where the container's root is the host's, else low.",
  benign: [
    "Privileged system pods such as kube-proxy, and the nodes of kind and k3d.",
    "LXC and LXD, which never mask; systemd-nspawn.",
    "Builders and nested runtimes (BuildKit, Docker in Docker), best with hostUsers: false and procMount: Unmasked.",
  ],
  evaluate: (container) =>
    container.procfs
      .filter((view) => isUnmasked(container, view))
      .map((view) => ({
        place: view.point,
        // The owner of what is masked is the host's root; without it, modes and capability checks still refuse.
        severity: container.realRoot ? "critical" : "low",
        evidence: [
          mountEvidence(container, view),
          {
            fact: `nothing is mounted over any of the ${maskedPaths(container).length} paths below it that every runtime masks`,
            check: `grep -E ' - (proc|tmpfs|devtmpfs) ' /proc/${container.task.pid}/mountinfo`,
          },
          expectationEvidence(container, container.spec === null ? null : container.spec.masked.length > 0),
          userEvidence(container),
        ],
      })),
};

/** Whether `view` shows all of a full procfs; an instance with subset=pid has nothing that could be masked. */
export function isWhole(view: ContainerProcfs): boolean {
  return view.root === "/" && view.subset === null;
}

/** Whether `view` is a whole procfs of which nothing is masked that every runtime masks. */
export function isUnmasked(container: ContainerView, view: ContainerProcfs): boolean {
  const paths = maskedPaths(container);
  return isWhole(view) && paths.length > 0 && !paths.some((path) => isMasked(view, withinProc(path)));
}

function maskedPaths({ existing }: ContainerView): string[] {
  return MASK_FLOOR.filter((path) => path.startsWith("/proc/") && existing.has(path));
}
