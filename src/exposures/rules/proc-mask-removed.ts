import { type ActRule, hasFlag, pathArgument } from "../act.js";
import { lossEvidence } from "./loss-evidence.js";

export const procMaskRemoved: ActRule = {
  id: "proc-mask-removed",
  title: "A container took away a mask or read-only mount of its /proc or /sys",
  kind: "act",
  severity: "critical",
  description:
    "After a umount2(2), move_mount(2) or mount(2) of a task in the container, something that the runtime had " +
    "masked or made read-only can be reached: the mount on it is gone, covered, or passed by another mount of " +
    "the same filesystem. CAP_SYS_ADMIN over the mount namespace is all it takes; nothing does this in normal use.",
  remediation:
    "Drop CAP_SYS_ADMIN (do not run the container privileged). A user namespace does not stop the call but the " +
    "file modes then still protect what it uncovers.",
  references: [
    "https://man7.org/linux/man-pages/man2/umount2.2.html",
    "https://man7.org/linux/man-pages/man7/mount_namespaces.7.html",
    "https://attack.mitre.org/techniques/T1611/",
  ],
  tags: ["mitre:T1611", "mitre:T1562.001", "pss:Capabilities", "pss:Privileged Containers"],
  needs: ["syscalls", "mountinfo"],
  subsumes: [],
  benign: ["runtimes unmount nothing of a container that runs: there is nobody"],
  syscalls: ["umount2", "umount", "move_mount", "mount", "mount_setattr"],
  evaluate: (act) => {
    const { call } = act;
    if (call.ret !== 0) return [];
    const losses = act.losses();
    if (losses !== null) {
      const removed = losses.filter((loss) => loss.how === "removed");
      if (removed.length === 0) return [];
      return [{ place: "mounts", severity: "critical", evidence: [lossEvidence(call, removed)] }];
    }
    // The task is gone, and its mount table with it: what the call named is all that is left to go by.
    const path = namedPath(call);
    const protection = path === null ? null : act.protectionAt(path);
    if (protection === null) return [];
    const fact = `${call.syscall} succeeded on ${protection.point}; the task ended before its mounts could be read`;
    return [{ place: "mounts", severity: "critical", evidence: [{ fact }] }];
  },
};

function namedPath(call: Parameters<typeof pathArgument>[0]): string | null {
  if (call.syscall === "move_mount") return pathArgument(call, "from_path");
  if (call.syscall !== "mount") return pathArgument(call, "target");
  return hasFlag(call, "mountflags", "MS_MOVE") ? pathArgument(call, "source") : null;
}
