import { type Act, type ActRule, hasFlag, type ObservedCall, pathArgument } from "../act.js";
import { lossEvidence } from "./loss-evidence.js";

export const procRemountWritable: ActRule = {
  id: "proc-remount-writable",
  title: "A container made a read-only part of its /proc or /sys writable",
  kind: "act",
  severity: "critical",
  description:
    "After a mount(2) with MS_REMOUNT, or a mount_setattr(2), of a task in the container, a path that the " +
    "runtime had mounted read-only, such as /proc/sys, is writable. CAP_SYS_ADMIN over the mount namespace is " +
    "all it takes.",
  remediation:
    "Drop CAP_SYS_ADMIN (do not run the container privileged), or run the container in a user namespace, where " +
    "file modes still keep it from the host's sysctls.",
  references: [
    "https://man7.org/linux/man-pages/man2/mount.2.html",
    "https://man7.org/linux/man-pages/man2/mount_setattr.2.html",
    "https://attack.mitre.org/techniques/T1611/",
  ],
  tags: ["mitre:T1611", "mitre:T1562.001", "pss:Capabilities", "pss:Privileged Containers"],
  needs: ["syscalls", "mountinfo"],
  subsumes: [],
  benign: ["runtimes remount before the container's program starts, never after: there is nobody"],
  syscalls: ["mount", "mount_setattr", "umount2", "umount", "move_mount"],
  evaluate: (act) => {
    const { call } = act;
    if (call.ret !== 0) return [];
    const losses = act.losses();
    if (losses !== null) {
      const writable = losses.filter((loss) => loss.how === "writable");
      if (writable.length === 0) return [];
      return [{ place: "mounts", severity: "critical", evidence: [lossEvidence(call, writable)] }];
    }
    const protection = named(act);
    if (protection?.kind !== "readonly") return [];
    const fact = `${call.syscall} made ${protection.point} writable; the task ended before its mounts could be read`;
    return [{ place: "mounts", severity: "critical", evidence: [{ fact }] }];
  },
};

/** What the call named, for a task that is gone and its mount table with it. */
function named(act: Act): ReturnType<Act["protectionAt"]> {
  const { call } = act;
  if (!clearsReadonly(call)) return null;
  const path = pathArgument(call, call.syscall === "mount" ? "target" : "path");
  return path === null ? null : act.protectionAt(path);
}

function clearsReadonly(call: ObservedCall): boolean {
  if (call.syscall === "mount") {
    return hasFlag(call, "mountflags", "MS_REMOUNT") && !hasFlag(call, "mountflags", "MS_RDONLY");
  }
  const attr = call.args.attr;
  if (typeof attr !== "object" || attr === null || Array.isArray(attr)) return false;
  const cleared = (attr as { readonly attr_clr?: unknown }).attr_clr;
  return Array.isArray(cleared) && cleared.includes("MOUNT_ATTR_RDONLY");
}
