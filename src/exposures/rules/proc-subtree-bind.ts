import type { Severity } from "../../event.js";
import { LINK_INDEX, type NsType } from "../../kernel/links.js";
import { writablePaths } from "../../mounts/pseudo-view.js";
import { readNsName } from "../../namespaces/proc-open-files.js";
import type { ContainerProcfs, ContainerView } from "../container-view.js";
import { mountEvidence, mountLine, userEvidence } from "../evidence.js";
import { expectedMasks } from "../expected-paths.js";
import { pathSeverity } from "../path-severity.js";
import type { Exposure, Rule } from "../rule.js";
import { worst } from "../worst.js";
import { isGlobalSysctl } from "./proc-sys-writable.js";

export const procSubtreeBind: Rule<ContainerView> = {
  id: "proc-subtree-bind",
  title: "A part of procfs, or a namespace of the host, is bound to another place in the container",
  kind: "posture",
  severity: "critical",
  severityDependsOn:
    "What the catalogue says of the part that was bound; for a process's directory whose it is; for a namespace its type.",
  description:
    "A directory or file of procfs is mounted at a path that is not its own, past the masks and read-only mounts of the " +
    "container's /proc; or a file of nsfs that is one of the host's namespaces, which setns(2) enters.",
  remediation:
    "Remove the mount, and take from the container what let it be made (CAP_SYS_ADMIN, a hostPath volume).",
  references: [
    "https://man7.org/linux/man-pages/man5/proc.5.html",
    "https://man7.org/linux/man-pages/man7/namespaces.7.html",
    "https://attack.mitre.org/techniques/T1611/",
  ],
  tags: ["mitre:T1611", "pss:HostPath Volumes"],
  needs: ["mountinfo"],
  subsumes: ["proc-sys-writable", "proc-mask-missing", "proc-readonly-missing"],
  benign: [
    "LXC, which binds /proc/sys/net of the container's own network namespace.",
    "Network plugins, with network namespaces of other pods below /run/netns.",
  ],
  evaluate: (container) => [...parts(container), ...namespaces(container)],
};

function parts(container: ContainerView): Exposure[] {
  return container.procfs
    .filter(({ root }) => root !== "/")
    .flatMap((view) => {
      const severity = severityOf(container, view);
      if (severity === null) return [];
      return [
        { place: view.point, severity, evidence: [mountEvidence(container, view), userEvidence(container)] },
      ];
    });
}

/** Null where it shows no more than the container's own /proc does. */
function severityOf(container: ContainerView, view: ContainerProcfs): Severity | null {
  const process = /^\/\d+(\/(?:root|cwd|ns|fd|mem))?(?=\/|$)/.exec(view.root);
  if (process !== null) {
    if (view.shows === "own") return null;
    if (view.shows === "unknown") return "medium";
    return process[1] !== undefined && container.realRoot ? "critical" : "high";
  }
  const masked = expectedMasks(container).some(
    ({ fs, within }) => fs === "proc" && (isAt(within, view.root) || isAt(view.root, within)),
  );
  const read = masked ? pathSeverity(container, "proc", view.root, ["read"]).severity : null;
  const writes = writablePaths(view, view.root)
    .filter(isGlobalSysctl)
    .map((path) => pathSeverity(container, "proc", path, ["write"]).severity);
  const severity = worst([read, ...writes]);
  return severity === "info" ? null : severity;
}

function isAt(path: string, directory: string): boolean {
  return path === directory || path.startsWith(`${directory}/`);
}

/** By what entering one of the host's gives. */
const NAMESPACES: Partial<Record<NsType, readonly [root: Severity, other: Severity]>> = {
  mnt: ["critical", "medium"],
  pid: ["critical", "medium"],
  user: ["critical", "medium"],
  net: ["medium", "low"],
  ipc: ["medium", "low"],
  uts: ["low", "low"],
  cgroup: ["medium", "low"],
};

function namespaces(container: ContainerView): Exposure[] {
  return container.mounts
    .filter(({ fsType }) => fsType === "nsfs")
    .flatMap((mount) => {
      const name = readNsName(mount.root);
      const severities = name === null ? undefined : NAMESPACES[name.type];
      if (name === null || severities === undefined) return [];
      if (container.hostNs[LINK_INDEX[name.type]] !== name.inum) return [];
      return [
        {
          place: mount.point,
          severity: severities[container.realRoot ? 0 : 1],
          evidence: [
            {
              fact: `${mount.root}, the host's, is mounted at ${mount.point}`,
              check: mountLine(container, mount),
            },
            userEvidence(container),
          ],
        },
      ];
    });
}
