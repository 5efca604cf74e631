import { LINK_INDEX } from "../../kernel/links.js";
import { isRuntimeAtWork } from "../../workloads/runtimes.js";
import { type Act, type ActRule, hasFlag, isRewritable, type ObservedCall } from "../act.js";

export const procMountInContainer: ActRule = {
  id: "proc-mount-in-container",
  title: "A container made a procfs instance of its own",
  kind: "act",
  severity: "high",
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
  syscalls: ["mount", "fsconfig"],
  evaluate: (act) => {
    const { call } = act;
    if (call.ret !== 0 || !makesMount(call)) return [];
    const made = madeProcfs(call);
    if (made === null) act.suppress("rewritable");
    if (made !== true) return [];
    if (isRuntime(act)) {
      act.suppress("runtime-setup");
      return [];
    }
    const view = act.after();
    // In a user namespace made inside the container its capabilities say nothing.
    const sameUser = view !== null && call.namespaces.user?.inum === view.task.ns[LINK_INDEX.user];
    const powerful = sameUser && view.realRoot && view.sysAdmin;
    const shown = call.outcome?.procfs;
    return [
      {
        place: "procfs",
        severity: powerful ? "high" : "medium",
        evidence: [
          {
            fact:
              `process ${call.process.pid} (${call.process.exe ?? call.process.comm}) made a procfs` +
              (shown === undefined ? "" : ` with device ${shown.dev}, which shows pid:[${shown.pid_ns}]`),
            check: `grep ' - proc ' /proc/${call.process.pid}/mountinfo`,
          },
        ],
      },
    ];
  },
};

/** mount(2) with any of these makes no superblock. */
const NOT_NEW = ["MS_REMOUNT", "MS_BIND", "MS_MOVE", "MS_SHARED", "MS_PRIVATE", "MS_SLAVE", "MS_UNBINDABLE"];

function makesMount(call: ObservedCall): boolean {
  const { cmd } = call.args;
  if (call.syscall === "fsconfig") return cmd === "FSCONFIG_CMD_CREATE" || cmd === "FSCONFIG_CMD_CREATE_EXCL";
  return !NOT_NEW.some((flag) => hasFlag(call, "mountflags", flag));
}

/** Null: the type's name that was read need not be the one that the kernel read, and what came of it is not known. */
function madeProcfs(call: ObservedCall): boolean | null {
  if (call.syscall === "fsconfig") return call.target?.via === "fscontext" && call.target.fs_type === "proc";
  if (call.outcome?.mount !== undefined || call.outcome?.procfs !== undefined)
    return call.outcome.procfs !== undefined;
  const asked = call.args.filesystemtype === "proc";
  return asked && isRewritable(call) ? null : asked;
}

function isRuntime({ call, hostNs, parentNs }: Act): boolean {
  const { exe, parent } = call.process;
  return isRuntimeAtWork({ exe, parentExe: parent?.exe ?? null, parentNs }, hostNs);
}
