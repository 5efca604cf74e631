import type { ProcfsSuperblock } from "../../mounts/superblocks.js";
import type { InstanceChange, Rule } from "../rule.js";

export const procHidepidWeakened: Rule<InstanceChange> = {
  id: "proc-hidepid-weakened",
  title: "The hidepid option of a procfs instance was weakened",
  kind: "act",
  severity: "high",
  severityDependsOn: "high for the host's own /proc, medium for any other",
  description:
    "A remount of a procfs instance lowered hidepid= or exempted a group with gid=, so that users see processes " +
    "of others again. The options belong to the superblock: a remount through a bind mount in a container " +
    "changes every mount of it.",
  remediation: "Remount it with the options it had, and take from the container whichever mount leads to it.",
  references: [
    "https://man7.org/linux/man-pages/man5/proc.5.html",
    "https://docs.kernel.org/filesystems/proc.html#mount-options",
    "https://attack.mitre.org/techniques/T1057/",
  ],
  tags: ["mitre:T1057", "mitre:T1562.001"],
  needs: ["syscalls", "procfs-options"],
  subsumes: [],
  benign: ["administrators who change hidepid of the host's /proc at the node's start"],
  evaluate: ({ before, after, isHosts }) => {
    if (!hidepidWeakened(before, after)) return [];
    const [was, is] = [before, after].map(
      ({ hidepid, gid }) => `hidepid=${hidepid}${gid === 0 ? "" : `,gid=${gid}`}`,
    );
    const whose = isHosts ? ", the host's own /proc" : "";
    return [
      {
        place: after.dev,
        severity: isHosts ? "high" : "medium",
        evidence: [{ fact: `procfs ${after.dev}${whose}: ${was} became ${is}`, check: "findmnt -t proc" }],
      },
    ];
  },
};

/** By what is left to see; the numbers (0, 1, 2, 4) happen to be in the same order (fs/proc/base.c has_pid_permissions()). */
const STRICTNESS: readonly ProcfsSuperblock["hidepid"][] = ["off", "noaccess", "invisible", "ptraceable"];

/** Whether processes that were hidden in `before` are not in `after`, two states of one superblock. */
export function hidepidWeakened(before: ProcfsSuperblock, after: ProcfsSuperblock): boolean {
  const step = STRICTNESS.indexOf(after.hidepid) - STRICTNESS.indexOf(before.hidepid);
  if (step !== 0) return step < 0;
  // The members of the group are exempt from hidepid 1 and 2; ptraceable knows no group.
  const exempts = after.hidepid === "noaccess" || after.hidepid === "invisible";
  return exempts && after.gid !== before.gid && after.gid !== 0;
}
