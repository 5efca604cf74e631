import { type ActRule, isByRuntime, isInUserNs, whoCalled } from "../act.js";
import { isOfType, makesSuperblock } from "./new-superblock.js";

export const procNestedMountRefused: ActRule = {
  id: "proc-nested-mount-refused",
  title: "A container was refused a procfs of its own",
  kind: "act",
  severity: "low",
  description:
    "A task in a user namespace below a container's tried to mount procfs, and the kernel refused with EPERM. It does " +
    "where the procfs that is there is masked: a new one would reveal what the masks hide. Nothing came of it; who " +
    "looks for a way out tries this first.",
  remediation:
    "If the container is to run nested containers, give it a procfs without masks in a user namespace of its own " +
    "(procMount: Unmasked with hostUsers: false). If not, keep it from making user namespaces by seccomp.",
  references: [
    "https://man7.org/linux/man-pages/man7/user_namespaces.7.html",
    "https://github.com/torvalds/linux/blob/master/fs/namespace.c",
    "https://attack.mitre.org/techniques/T1497/001/",
  ],
  tags: ["mitre:T1497.001", "pss:Seccomp"],
  needs: ["syscalls"],
  subsumes: [],
  benign: ["builders and sandboxes without privileges, which try it and go on without"],
  syscalls: ["mount", "fsmount"],
  evaluate: (act) => {
    const { call } = act;
    if (call.errno !== "EPERM" || !isInUserNs(act)) return [];
    // with the new calls it is the mount that is refused, not the superblock
    if (call.syscall === "mount" && !makesSuperblock(call)) return [];
    const isIt = isOfType(call, "proc");
    if (isIt === null) act.suppress("rewritable");
    if (isIt !== true) return [];
    if (isByRuntime(act)) {
      act.suppress("runtime-setup");
      return [];
    }
    const { pid } = call.process;
    return [
      {
        place: "procfs",
        severity: "low",
        evidence: [
          {
            fact: `${whoCalled(call)} was refused a procfs in a user namespace of its own`,
            check: `cat /proc/${pid}/uid_map`,
          },
        ],
      },
    ];
  },
};
