import { SEVERITIES, type Severity } from "../../event.js";
import { MASK_FLOOR } from "../../mounts/mask-lists.js";
import { isMasked, shows } from "../../mounts/pseudo-view.js";
import type { ContainerView } from "../container-view.js";
import { listOf, mountEvidence, placesOf, userEvidence, withinProc } from "../evidence.js";
import type { Rule } from "../rule.js";
import { isWhole } from "./proc-unmasked.js";

export const procMaskMissing: Rule<ContainerView> = {
  id: "proc-mask-missing",
  title: "Paths that every runtime masks are visible in the container",
  kind: "posture",
  severity: "high",
  description:
    "Some of the paths that all container runtimes mask by default are not masked in this container although " +
    "the kernel has them: its specification leaves them out, or a mask was taken away.",
  remediation:
    "Leave the runtime's list of masked paths as it is (procMount: Default, no systempaths=unconfined).",
  references: [
    "https://github.com/moby/moby/blob/master/daemon/pkg/oci/defaults.go",
    "https://github.com/opencontainers/runtime-spec/blob/main/config-linux.md#masked-paths",
    "https://attack.mitre.org/techniques/T1082/",
  ],
  tags: ["mitre:T1082", "mitre:T1611", "pss:/proc Mount Type"],
  needs: ["mountinfo"],
  subsumes: [],
  evaluate: (container) => {
    const expected = MASK_FLOOR.filter((path) => container.existing.has(path));
    const inProc = expected.filter((path) => path.startsWith("/proc/"));
    const inSys = expected.filter((path) => path.startsWith("/sys/") && isVisibleInSysfs(container, path));
    return container.procfs.filter(isWhole).flatMap((view) => {
      const visible = inProc.filter((path) => !isMasked(view, withinProc(path)));
      // The masks of /sys come from the same list and are missing for the same reason.
      const withSysfs = view.point === "/proc" ? inSys : [];
      if (visible.length + withSysfs.length === 0) return [];
      const places = [placesOf(view, visible.map(withinProc)), listOf(withSysfs)].filter(
        (text) => text !== "",
      );
      return {
        place: view.point,
        severity: worst([...visible, ...withSysfs].map((path) => severityOf(path, container.realRoot))),
        evidence: [
          mountEvidence(container, view),
          {
            fact: `not masked: ${places.join(", ")}`,
            check: `grep -E ' - (proc|tmpfs|devtmpfs) ' /proc/${container.task.pid}/mountinfo`,
          },
          userEvidence(container),
        ],
      };
    });
  },
};

function isVisibleInSysfs(container: ContainerView, path: string): boolean {
  const within = path.slice("/sys".length);
  return container.sysfs.some((view) => shows(view, within) && !isMasked(view, within));
}

/** What is possible at each path for the host's root, and for anybody else. */
const SEVERITY: Readonly<Record<string, readonly [root: Severity, other: Severity]>> = {
  // SCSI devices are added and removed by writing here (drivers/scsi/scsi_proc.c; CVE-2017-16539).
  "/proc/scsi": ["high", "low"],
  // Wakes devices and more, by file modes only (drivers/acpi/proc.c; CVE-2018-10892).
  "/proc/acpi": ["medium", "low"],
  // Keyrings are not namespaced: names of other containers' keys (security/keys/proc.c).
  "/proc/keys": ["medium", "low"],
  // All tasks of the host with their cgroups, on kernels that still have it.
  "/proc/sched_debug": ["medium", "medium"],
};

function severityOf(path: string, realRoot: boolean): Severity {
  // The rest: kcore needs CAP_SYS_RAWIO (fs/proc/kcore.c), the others give hints.
  const [root, other] = SEVERITY[path] ?? ["low", "low"];
  return realRoot ? root : other;
}

function worst(severities: readonly Severity[]): Severity {
  return SEVERITIES.find((severity) => severities.includes(severity)) ?? "info";
}
