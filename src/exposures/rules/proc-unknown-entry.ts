import type { Severity } from "../../event.js";
import { MASK_FLOOR, READONLY_FLOOR } from "../../mounts/mask-lists.js";
import { pointOf, writablePaths } from "../../mounts/pseudo-view.js";
import type { ContainerView } from "../container-view.js";
import { listOf, userEvidence } from "../evidence.js";
import type { Rule } from "../rule.js";
import type { UnknownEntry } from "../unknown-entries.js";
import { isWhole } from "./proc-unmasked.js";

export const procUnknownEntry: Rule<ContainerView> = {
  id: "proc-unknown-entry",
  title: "Entries of procfs that nobody has judged are writable in the container",
  kind: "posture",
  severity: "high",
  severityDependsOn: "High for an entry that everybody may write, medium for one that the host's root may.",
  description:
    "A module has made entries in this kernel's procfs that neither the catalogue nor the kernel's own source has, and " +
    "the read-only mounts that keep others from writing them are not there in this container. What writing does is not " +
    "known.",
  remediation:
    "Leave the runtime's lists as they are; find out which driver made the entries and what they do.",
  references: [
    "https://docs.kernel.org/filesystems/proc.html",
    "https://github.com/opencontainers/runtime-spec/blob/main/config-linux.md#readonly-paths",
    "https://attack.mitre.org/techniques/T1611/",
  ],
  tags: ["mitre:T1611", "pss:/proc Mount Type"],
  needs: ["mountinfo"],
  subsumes: [],
  benign: ["Drivers of vendors, and vendors' kernels."],
  evaluate: (container) =>
    container.procfs.filter(isWhole).flatMap((view) => {
      const found = container.unknown
        .filter(({ path }) => isProtectedByDefault(path) && writablePaths(view, path).length > 0)
        .flatMap((entry) => {
          const severity = unknownSeverity(entry, container);
          return severity === null ? [] : [{ path: entry.path, severity }];
        });
      const names = listOf(found.map(({ path }) => pointOf(view, path)));
      return found.map(({ path, severity }) => ({
        place: pointOf(view, path),
        severity,
        evidence: [
          {
            fact: `writable, and in no list: ${names}`,
            check: `grep ' - proc ' /proc/${container.task.pid}/mountinfo`,
          },
          userEvidence(container),
        ],
      }));
    }),
};

/** How bad it is that a container may write it; null where it may not. */
export function unknownSeverity({ mode, uid }: UnknownEntry, { realRoot }: ContainerView): Severity | null {
  if ((mode & 0o002) !== 0) return "high";
  return realRoot && uid === 0 && (mode & 0o222) !== 0 ? "medium" : null;
}

/** Whether every runtime masks `path` of procfs, or makes it read-only. */
export function isProtectedByDefault(path: string): boolean {
  return [...MASK_FLOOR, ...READONLY_FLOOR].some((one) => `/proc${path}`.startsWith(`${one}/`));
}
