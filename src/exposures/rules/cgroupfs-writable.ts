import type { Mount } from "../../kernel/mountinfo.js";
import type { ContainerView } from "../container-view.js";
import { mountLine, userEvidence } from "../evidence.js";
import { isWritableCgroup } from "../occasional-facts.js";
import type { Rule } from "../rule.js";

export const cgroupfsWritable: Rule<ContainerView> = {
  id: "cgroupfs-writable",
  title: "Cgroups that are not the container's are writable in it",
  kind: "posture",
  severity: "critical",
  severityDependsOn:
    "Critical for the root of a cgroup v1 hierarchy where the container has CAP_SYS_ADMIN over the host, else high.",
  description:
    "A cgroup file system is mounted writable that shows more than the container's own cgroup, and the container's root " +
    "is the host's root: it changes limits and devices of others, moves processes between cgroups, and with cgroup v1 " +
    "names the program that the kernel runs as the host's root when a cgroup has become empty (release_agent).",
  remediation: "Mount cgroups read-only as runtimes do by default, with a cgroup namespace; use cgroup v2.",
  references: [
    "https://man7.org/linux/man-pages/man7/cgroups.7.html",
    "https://nvd.nist.gov/vuln/detail/CVE-2022-0492",
    "https://attack.mitre.org/techniques/T1611/",
  ],
  tags: ["mitre:T1611", "pss:Privileged Containers", "pss:HostPath Volumes"],
  needs: ["mountinfo"],
  subsumes: [],
  benign: [
    "systemd in a container, whose own cgroup is delegated to it: that is not found.",
    "Node agents and runtimes.",
  ],
  evaluate: (container) => {
    if (!container.realRoot) return [];
    return container.mounts
      .filter((mount) => isWritableCgroup(mount) && !isOwn(container, mount))
      .map((mount) => ({
        place: mount.point,
        severity: hasReleaseAgent(container, mount) ? "critical" : "high",
        evidence: [
          {
            fact: `${mount.root} of ${mount.fsType} is mounted writable at ${mount.point}`,
            check: mountLine(container, mount),
          },
          {
            fact: `the container is in ${container.cgroups?.join(", ") ?? "cgroups that are not known"}`,
            check: `cat /proc/${container.task.pid}/cgroup`,
          },
          userEvidence(container),
        ],
      }));
  },
};

/**
 * Whether it shows nothing but the container's own cgroup, or what is below that. Of systemd in a container the first
 * process is further down; the cgroup that is named after the container is its own.
 */
function isOwn({ cgroups, container }: ContainerView, { root }: Mount): boolean {
  if (root === "/" || cgroups === null) return false;
  return cgroups.some((path) => {
    if (path === "/") return false;
    const isNamed = path.startsWith(`${root}/`) && root.slice(root.lastIndexOf("/")).includes(container.id);
    return isNamed || root === path || root.startsWith(`${path}/`);
  });
}

/** cgroup_release_agent_write() of kernel/cgroup/cgroup-v1.c */
function hasReleaseAgent({ sysAdmin, initUserNs }: ContainerView, { fsType, root }: Mount): boolean {
  return fsType === "cgroup" && root === "/" && sysAdmin && initUserNs;
}
