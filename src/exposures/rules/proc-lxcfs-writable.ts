import { isReadonly } from "../../mounts/pseudo-view.js";
import type { ContainerView } from "../container-view.js";
import { mountLine, userEvidence } from "../evidence.js";
import type { Rule } from "../rule.js";

export const procLxcfsWritable: Rule<ContainerView> = {
  id: "proc-lxcfs-writable",
  title: "The cgroup tree of LXCFS is writable in the container",
  kind: "posture",
  severity: "high",
  severityDependsOn: "High where the container's root is the host's, else low.",
  description:
    "The mount of LXCFS itself, or its directory of cgroups, is in the container and writable: LXCFS writes to the " +
    "host's cgroups for whoever writes there. Its single files of procfs do no such thing.",
  remediation:
    "Bind the single files of LXCFS that the container needs, and not the directory that they are in.",
  references: [
    "https://github.com/lxc/lxcfs",
    "https://github.com/cdk-team/CDK/wiki/Exploit:-lxcfs-rw",
    "https://attack.mitre.org/techniques/T1611/",
  ],
  tags: ["mitre:T1611", "pss:HostPath Volumes"],
  needs: ["mountinfo"],
  subsumes: [],
  evaluate: (container) =>
    container.mounts
      .filter((mount) => mount.fsType === "fuse.lxcfs" && TREE.test(mount.root) && !isReadonly(mount))
      .map((mount) => ({
        place: mount.point,
        severity: container.realRoot ? "high" : "low",
        evidence: [
          {
            fact: `${mount.root} of LXCFS is mounted writable at ${mount.point}`,
            check: mountLine(container, mount),
          },
          userEvidence(container),
        ],
      })),
};

const TREE = /^\/(?:$|cgroup(?:\/|$))/;
