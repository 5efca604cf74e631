import type { InstanceChange, Rule } from "../rule.js";

export const procSubsetChanged: Rule<InstanceChange> = {
  id: "proc-subset-changed",
  title: "The subset option of a procfs instance changed",
  kind: "act",
  severity: "low",
  description:
    "A remount changed `subset=` of a procfs instance, which says whether it has the files that are not about " +
    "processes: most that runtimes mask. The option belongs to the superblock, so that every mount of it changes. " +
    "Newer kernels refuse it.",
  remediation: "Make a procfs anew where another view is wanted, and leave the one that is there as it is.",
  references: [
    "https://docs.kernel.org/filesystems/proc.html#mount-options",
    "https://github.com/torvalds/linux/blob/master/fs/proc/root.c",
  ],
  tags: ["mitre:T1562.001"],
  needs: ["syscalls", "procfs-options"],
  subsumes: [],
  evaluate: ({ before, after, isHosts }) => {
    if (before.subset === after.subset) return [];
    const [was, is] = [before, after].map(({ subset }) =>
      subset === null ? "all of it" : "processes alone",
    );
    const whose = isHosts ? ", the host's own /proc" : "";
    return [
      {
        place: after.dev,
        severity: "low",
        evidence: [{ fact: `procfs ${after.dev}${whose}: from ${was} to ${is}`, check: "findmnt -t proc" }],
      },
    ];
  },
};
