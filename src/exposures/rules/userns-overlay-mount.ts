import { type ActRule, isByRuntime, isInUserNs, whoCalled } from "../act.js";
import { isOfType, makesSuperblock } from "./new-superblock.js";

export const usernsOverlayMount: ActRule = {
  id: "userns-overlay-mount",
  title: "A container mounted an overlay in a user namespace",
  kind: "act",
  severity: "medium",
  severityDependsOn: "medium; low for a mount that the kernel refused",
  description:
    "A task in a container mounted overlayfs in a user namespace that is not the host's. Twice that let a user write " +
    "files with capabilities that hold on the host: CVE-2021-3493 and CVE-2023-0386.",
  remediation:
    "Keep the kernel up to date. Where the container builds no images, keep it from making user namespaces by the " +
    "runtime's seccomp profile.",
  references: [
    "https://nvd.nist.gov/vuln/detail/CVE-2021-3493",
    "https://nvd.nist.gov/vuln/detail/CVE-2023-0386",
    "https://docs.kernel.org/filesystems/overlayfs.html",
    "https://attack.mitre.org/techniques/T1068/",
  ],
  tags: ["mitre:T1068", "pss:Seccomp"],
  needs: ["syscalls"],
  subsumes: [],
  benign: [
    "builders without privileges (podman, buildah, buildkit), and runtimes in pods with a user namespace",
  ],
  syscalls: ["mount", "fsconfig"],
  evaluate: (act) => {
    const { call } = act;
    if (call.ret === null || !isInUserNs(act) || !makesSuperblock(call)) return [];
    const isIt = isOfType(call, "overlay");
    if (isIt === null) act.suppress("rewritable");
    if (isIt !== true) return [];
    if (isByRuntime(act)) {
      act.suppress("runtime-setup");
      return [];
    }
    const isMade = call.ret === 0;
    const { pid } = call.process;
    return [
      {
        place: "overlay",
        severity: isMade ? "medium" : "low",
        evidence: [
          {
            fact: isMade
              ? `${whoCalled(call)} made an overlay in the user namespace ${call.namespaces.user?.inum}`
              : `${whoCalled(call)} was refused an overlay in the user namespace ${call.namespaces.user?.inum}: ${call.errno ?? "?"}`,
            check: `grep ' - overlay ' /proc/${pid}/mountinfo; cat /proc/${pid}/uid_map`,
          },
        ],
      },
    ];
  },
};
