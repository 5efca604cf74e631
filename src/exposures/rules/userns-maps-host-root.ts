import type { ContainerView } from "../container-view.js";
import type { Rule } from "../rule.js";

export const usernsMapsHostRoot: Rule<ContainerView> = {
  id: "userns-maps-host-root",
  title: "The container's user namespace maps the host's root",
  kind: "posture",
  severity: "high",
  description:
    "The container has a user namespace, and uid 0 of the host is one of its uids: whoever has that uid in the container " +
    "is the host's root to every file, the masked ones of procfs included. The namespace protects from nothing then.",
  remediation:
    "Map uids that nobody else has (hostUsers: false does; with runc, uidMappings that begin at 100000 or so).",
  references: [
    "https://man7.org/linux/man-pages/man7/user_namespaces.7.html",
    "https://kubernetes.io/docs/concepts/workloads/pods/user-namespaces/",
    "https://attack.mitre.org/techniques/T1611/",
  ],
  tags: ["mitre:T1611"],
  needs: ["mountinfo"],
  subsumes: [],
  benign: ["Tools that the host's root runs in a user namespace of its own (unshare --map-root-user)."],
  evaluate: ({ initUserNs, realRoot, uidMap, task }) => {
    const extent = uidMap.find(({ outside }) => outside === 0);
    if (initUserNs || !realRoot || extent === undefined) return [];
    return [
      {
        place: "uid_map",
        severity: "high",
        evidence: [
          {
            fact: `uid ${extent.inside} of the container is uid 0 of the host`,
            check: `cat /proc/${task.pid}/uid_map`,
          },
        ],
      },
    ];
  },
};
