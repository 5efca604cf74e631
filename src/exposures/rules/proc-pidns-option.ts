import type { PidNsRelation, Severity } from "../../event.js";
import { type ActRule, isByRuntime, isRewritable, whoCalled } from "../act.js";

export const procPidnsOption: ActRule = {
  id: "proc-pidns-option",
  title: "A container asked for a procfs that shows another pid namespace",
  kind: "act",
  severity: "high",
  severityDependsOn:
    "high where the kernel took a pid namespace that is not the caller's own or below it; medium where it took one " +
    "that is, and where it refused one that is not; low where it refused one that is",
  description:
    "A task in a container gave an fs context of procfs the option `pidns=` (since Linux 6.18): the new procfs is to " +
    "show the processes of the pid namespace that the option names. The kernel takes the caller's own and those " +
    "below it; a descriptor of another one shows that the container has got hold of it, which it should not.",
  remediation:
    "Drop CAP_SYS_ADMIN. Find out how the container came by a descriptor of a foreign pid namespace: a mount of the " +
    "host's /proc, hostPID, or another process that passed it.",
  references: [
    "https://docs.kernel.org/filesystems/proc.html#mount-options",
    "https://github.com/torvalds/linux/blob/master/fs/proc/root.c",
    "https://attack.mitre.org/techniques/T1611/",
  ],
  tags: ["mitre:T1611", "pss:Capabilities", "pss:Privileged Containers"],
  needs: ["syscalls"],
  subsumes: [],
  benign: ["runtimes within containers and tools for checkpoints, for the containers that they made"],
  syscalls: ["fsconfig"],
  evaluate: (act) => {
    const { call } = act;
    const pidns = call.options?.pidns;
    if (pidns === undefined || call.ret === null) return [];
    // a path that was rewritten meanwhile may be another; what a descriptor meant is the kernel's word
    if (typeof pidns === "string" && isRewritable(call)) {
      act.suppress("rewritable");
      return [];
    }
    if (isByRuntime(act)) {
      act.suppress("runtime-setup");
      return [];
    }
    const relation = typeof pidns === "string" ? null : pidns.relation;
    const isTaken = call.ret >= 0;
    // no namespace at all
    if (!isTaken && typeof pidns !== "string" && pidns.namespace === null) return [];
    const whose = relation === null ? "that a path names" : WHOSE[relation];
    const { pid } = call.process;
    return [
      {
        place: "pidns",
        severity: severityOf(relation, isTaken),
        evidence: [
          {
            fact: isTaken
              ? `${whoCalled(call)} set pidns= of a new procfs to a pid namespace ${whose}`
              : `${whoCalled(call)} was refused pidns= with a pid namespace ${whose}: ${call.errno ?? "?"}`,
            check: `ls -l /proc/${pid}/ns/pid /proc/${pid}/fd`,
          },
        ],
      },
    ];
  },
};

const WHOSE: Readonly<Record<PidNsRelation, string>> = {
  same: "that is its own",
  descendant: "below its own",
  ancestor: "above its own",
  foreign: "of others",
};

function severityOf(relation: PidNsRelation | null, isTaken: boolean): Severity {
  const isForeign = relation === "ancestor" || relation === "foreign";
  if (isTaken) return isForeign ? "high" : "medium";
  return isForeign ? "medium" : "low";
}
