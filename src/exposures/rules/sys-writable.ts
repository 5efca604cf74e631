import type { Severity } from "../../event.js";
import { pointOf, writablePaths } from "../../mounts/pseudo-view.js";
import type { ContainerView } from "../container-view.js";
import { mountLine, userEvidence } from "../evidence.js";
import { pathSeverity } from "../path-severity.js";
import type { Rule } from "../rule.js";

export const sysWritable: Rule<ContainerView> = {
  id: "sys-writable",
  title: "The host's sysfs is writable in the container",
  kind: "posture",
  severity: "critical",
  severityDependsOn:
    "Critical where the kernel has /sys/kernel/uevent_helper, high for the rest of sysfs as a whole; of a part what the " +
    "catalogue says of writing it.",
  description:
    "sysfs is mounted writable and the container's root is the host's root: parameters of modules, power states, " +
    "processors, memory and disks of the host can be changed by file modes alone, and where the kernel has it the " +
    "program that it runs for each event of a device.",
  remediation: "Do not run the container privileged; mount sysfs read-only as runtimes do by default.",
  references: [
    "https://man7.org/linux/man-pages/man5/sysfs.5.html",
    "https://docs.kernel.org/admin-guide/sysfs-rules.html",
    "https://attack.mitre.org/techniques/T1611/",
  ],
  tags: ["mitre:T1611", "pss:Privileged Containers", "pss:HostPath Volumes"],
  needs: ["mountinfo"],
  subsumes: [],
  benign: ["Node agents and storage drivers that tune devices; systemd in a container."],
  evaluate: (container) => {
    if (!container.realRoot) return [];
    return container.sysfs.flatMap((view) =>
      writablePaths(view, view.root).map((path) => ({
        place: pointOf(view, path),
        severity: severityOf(container, path),
        evidence: [
          {
            fact: `writable: ${pointOf(view, path)}, ${path === "/" ? "all" : path} of sysfs`,
            check: mountLine(container, view.mount),
          },
          userEvidence(container),
        ],
      })),
    );
  },
};

function severityOf(container: ContainerView, path: string): Severity {
  if (path === "/" || path === "/kernel" || path === UEVENT_HELPER.slice("/sys".length))
    return container.existing.has(UEVENT_HELPER) ? "critical" : "high";
  const { severity } = pathSeverity(container, "sysfs", `/sys${path}`, ["write"]);
  return severity === "info" ? "low" : severity;
}

const UEVENT_HELPER = "/sys/kernel/uevent_helper";
