import { READONLY_FLOOR } from "../../mounts/mask-lists.js";
import { writablePaths } from "../../mounts/pseudo-view.js";
import type { ContainerView } from "../container-view.js";
import { mountEvidence, placesOf, userEvidence, withinProc } from "../evidence.js";
import type { Rule } from "../rule.js";

export const procReadonlyMissing: Rule<ContainerView> = {
  id: "proc-readonly-missing",
  title: "Paths that every runtime makes read-only are writable in the container",
  kind: "posture",
  severity: "high",
  description:
    "One of /proc/bus, /proc/fs, /proc/irq and /proc/sysrq-trigger is mounted writable and the container's root " +
    "is the host's root, whom only the read-only mount keeps from PCI configuration space, filesystem settings, " +
    "interrupt routing and a crash of the host.",
  remediation: "Leave the runtime's list of read-only paths as it is (procMount: Default).",
  references: [
    "https://github.com/opencontainers/runtime-spec/blob/main/config-linux.md#readonly-paths",
    "https://docs.kernel.org/admin-guide/sysrq.html",
    "https://attack.mitre.org/techniques/T1611/",
  ],
  tags: ["mitre:T1611", "mitre:T1499", "pss:/proc Mount Type"],
  needs: ["mountinfo"],
  subsumes: [],
  evaluate: (container) => {
    if (!container.realRoot) return [];
    const expected = READONLY_FLOOR.filter((path) => path !== "/proc/sys" && container.existing.has(path));
    return container.procfs.flatMap((view) => {
      const writable = expected.map(withinProc).flatMap((path) => writablePaths(view, path));
      // Where /proc/sys is writable, that is the finding; this one is about the rest of the list.
      if (writable.length === 0 || writablePaths(view, "/sys").length > 0) return [];
      return {
        place: view.point,
        severity: "high" as const,
        evidence: [
          mountEvidence(container, view),
          {
            fact: `writable: ${placesOf(view, writable)}`,
            check: `grep ' - proc ' /proc/${container.task.pid}/mountinfo`,
          },
          userEvidence(container),
        ],
      };
    });
  },
};
