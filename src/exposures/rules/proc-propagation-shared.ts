import type { Severity } from "../../event.js";
import type { Mount } from "../../kernel/mountinfo.js";
import type { ContainerView } from "../container-view.js";
import { mountLine } from "../evidence.js";
import type { Rule } from "../rule.js";

export const procPropagationShared: Rule<ContainerView> = {
  id: "proc-propagation-shared",
  title: "Mounts at the container's procfs reach the host",
  kind: "posture",
  severity: "high",
  severityDependsOn:
    "High where the container's mounts reach the host, low where only the host's reach the container.",
  description:
    "A procfs mount of the container, or the mount that it is on, is in a peer group with a mount of the host: what " +
    "is mounted there in the container is mounted on the host as well, over its /proc where that is what was bound.",
  remediation:
    "Bind with rprivate or rslave (mountPropagation: None or HostToContainer) instead of Bidirectional.",
  references: [
    "https://man7.org/linux/man-pages/man7/mount_namespaces.7.html",
    "https://kubernetes.io/docs/concepts/storage/volumes/#mount-propagation",
    "https://attack.mitre.org/techniques/T1611/",
  ],
  tags: ["mitre:T1611", "pss:HostPath Volumes", "pss:Privileged Containers"],
  needs: ["mountinfo"],
  subsumes: [],
  benign: [
    "Storage drivers, which mount for the host; monitoring agents that have the host's root with rslave.",
  ],
  evaluate: (container) => {
    if (container.hostMounts === null) return [];
    const groups = new Set(container.hostMounts.flatMap(({ propagation: { shared } }) => shared ?? []));
    const byId = new Map(container.mounts.map((mount) => [mount.id, mount]));
    return container.procfs.flatMap(({ mount, point }) => {
      const found = reach(mount, byId.get(mount.parent), groups);
      if (found === null) return [];
      const [severity, fact] = found;
      return [{ place: point, severity, evidence: [{ fact, check: mountLine(container, mount) }] }];
    });
  },
};

function reach(
  mount: Mount,
  parent: Mount | undefined,
  hosts: ReadonlySet<number>,
): readonly [Severity, string] | null {
  for (const one of [mount, parent]) {
    const group = one?.propagation.shared;
    if (one !== undefined && group !== undefined && hosts.has(group))
      return ["high", `the mount at ${one.point} is in peer group ${group}, as one of the host is`];
  }
  const master = mount.propagation.master;
  if (master === undefined || !hosts.has(master)) return null;
  return ["low", `the mount at ${mount.point} receives what is mounted in peer group ${master} of the host`];
}
