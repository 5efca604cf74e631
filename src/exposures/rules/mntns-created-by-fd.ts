import { type ActRule, hasFlag, isByRuntime, whoCalled } from "../act.js";

export const mntnsCreatedByFd: ActRule = {
  id: "mntns-created-by-fd",
  title: "A container made a mount namespace without unshare or clone",
  kind: "act",
  severity: "medium",
  severityDependsOn: "medium; low for a call that the kernel refused",
  description:
    "A task in a container called open_tree(2) with OPEN_TREE_NAMESPACE (since Linux 7.0) or fsmount(2) with " +
    "FSMOUNT_NAMESPACE (since 7.1): both return a descriptor of a new mount namespace, which setns(2) enters. A " +
    "seccomp profile that refuses unshare(2) and clone(2) does not stop them.",
  remediation:
    "Drop CAP_SYS_ADMIN, and use a seccomp profile that refuses open_tree(2) and fsmount(2): the profiles of the " +
    "runtimes do without that capability.",
  references: [
    "https://github.com/torvalds/linux/blob/master/include/uapi/linux/mount.h",
    "https://man7.org/linux/man-pages/man7/mount_namespaces.7.html",
    "https://attack.mitre.org/techniques/T1611/",
  ],
  tags: ["mitre:T1611", "pss:Seccomp", "pss:Capabilities"],
  needs: ["syscalls"],
  subsumes: [],
  benign: ["new tools that make sandboxes within a container"],
  syscalls: ["open_tree", "open_tree_attr", "fsmount"],
  evaluate: (act) => {
    const { call } = act;
    const flag = call.syscall === "fsmount" ? "FSMOUNT_NAMESPACE" : "OPEN_TREE_NAMESPACE";
    if (call.ret === null || !hasFlag(call, "flags", flag)) return [];
    if (isByRuntime(act)) {
      act.suppress("runtime-setup");
      return [];
    }
    const isMade = call.ret >= 0;
    const { pid } = call.process;
    return [
      {
        place: "mntns",
        severity: isMade ? "medium" : "low",
        evidence: [
          {
            fact: isMade
              ? `${whoCalled(call)} made a mount namespace by ${call.syscall} with ${flag}`
              : `${whoCalled(call)} was refused a mount namespace by ${call.syscall} with ${flag}: ${call.errno ?? "?"}`,
            check: `ls -l /proc/${pid}/fd`,
          },
        ],
      },
    ];
  },
};
