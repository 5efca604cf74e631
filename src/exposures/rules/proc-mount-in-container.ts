import { type ActRule, isByRuntime, isInUserNs, whoCalled } from "../act.js";
import { isOfType, makesSuperblock } from "./new-superblock.js";

export const procMountInContainer: ActRule = {
  id: "proc-mount-in-container",
  title: "A container made a procfs instance of its own",
  kind: "act",
  severity: "high",
  severityDependsOn:
    "high in the host's user namespace, where the call takes CAP_SYS_ADMIN over the host; medium in any other",
  description:
    "A task in a container made a new procfs, by mount(2) or by fsconfig(2) of a context from fsopen(2). It has " +
    "none of the masks and read-only mounts of the container's /proc, and made with fsopen(2) it need not even " +
    "be mounted anywhere to be used.",
  remediation:
    "Drop CAP_SYS_ADMIN (do not run the container privileged) and keep the runtime's seccomp profile. Nested " +
    "containers, builders and sandboxes do this by design: run them in a user namespace.",
  references: [
    "https://man7.org/linux/man-pages/man2/mount.2.html",
    "https://docs.kernel.org/filesystems/proc.html",
    "https://attack.mitre.org/techniques/T1611/",
  ],
  tags: ["mitre:T1611", "pss:Capabilities", "pss:Privileged Containers"],
  needs: ["syscalls"],
  subsumes: [],
  benign: [
    "runtimes on the host, while they make a container ready: counted as runtime-setup",
    "runtimes and builders within containers (docker in docker, kind, buildkit), bubblewrap and browsers' sandboxes",
  ],
  syscalls: ["mount", "fsconfig"],
  evaluate: (act) => {
    const { call } = act;
    if (call.ret !== 0 || !makesSuperblock(call)) return [];
    const made = isOfType(call, "proc");
    if (made === null) act.suppress("rewritable");
    if (made !== true) return [];
    if (isByRuntime(act)) {
      act.suppress("runtime-setup");
      return [];
    }
    const shown = call.outcome?.procfs;
    return [
      {
        place: "procfs",
        // the kernel asks for CAP_SYS_ADMIN over the user namespace that owns the mount namespace
        severity: isInUserNs(act) ? "medium" : "high",
        evidence: [
          {
            fact:
              `${whoCalled(call)} made a procfs` +
              (shown === undefined ? "" : ` with device ${shown.dev}, which shows pid:[${shown.pid_ns}]`),
            check: `grep ' - proc ' /proc/${call.process.pid}/mountinfo`,
          },
        ],
      },
    ];
  },
};
