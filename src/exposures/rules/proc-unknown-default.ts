import { isMasked, writablePaths } from "../../mounts/pseudo-view.js";
import type { ContainerView } from "../container-view.js";
import type { Exposure, Rule } from "../rule.js";
import { hasDefaultMasks } from "./proc-default-gaps.js";
import { isProtectedByDefault, unknownSeverity } from "./proc-unknown-entry.js";
import { isWhole } from "./proc-unmasked.js";

export const procUnknownDefault: Rule<ContainerView> = {
  id: "proc-unknown-default",
  title: "This node's procfs has entries that nobody has judged, and that default masks leave open",
  kind: "posture",
  severity: "high",
  severityDependsOn:
    "High for an entry that everybody may write, medium for one that the host's root may, info for one that can be read.",
  description:
    "Modules make entries in procfs as they like. These are neither in the catalogue nor in the kernel's own source, and " +
    "containers whose masks are all in place see them. One finding for the node: it says nothing about any one container.",
  remediation:
    "Find out which driver made them and what they do; add them to the runtime's lists where they do harm.",
  references: [
    "https://docs.kernel.org/filesystems/proc.html",
    "https://github.com/opencontainers/runtime-spec/blob/main/config-linux.md#masked-paths",
    "https://attack.mitre.org/techniques/T1082/",
  ],
  tags: ["mitre:T1082"],
  needs: ["mountinfo"],
  subsumes: [],
  benign: ["Drivers of vendors, and vendors' kernels."],
  evaluate: (container) => {
    const views = container.procfs.filter((view) => isWhole(view) && hasDefaultMasks(container, view));
    const exposures = container.unknown.flatMap((entry): Exposure[] => {
      const { path, mode } = entry;
      const view = views.find((one) => !isMasked(one, path));
      if (view === undefined) return [];
      const writable = !isProtectedByDefault(path) && writablePaths(view, path).length > 0;
      const write = writable ? unknownSeverity(entry, container) : null;
      const readable = (mode & 0o004) !== 0 || (container.realRoot && (mode & 0o400) !== 0);
      if (write === null && !readable) return [];
      const what = write === null ? "readable" : "writable";
      return [
        {
          place: `/proc${path}`,
          severity: write ?? "info",
          evidence: [
            {
              fact: `/proc${path} is in no list and ${what} with default masks`,
              check: "ls -l /proc /proc/sys/*",
            },
          ],
        },
      ];
    });
    return withOmitted(exposures, container.unknownOmitted ?? 0);
  },
};

/** Says at the first of them how many entries could not be looked at. */
function withOmitted([first, ...others]: readonly Exposure[], omitted: number): Exposure[] {
  if (first === undefined) return [];
  if (omitted === 0) return [first, ...others];
  const fact = `${omitted} more entries are in no list, and were not looked at`;
  return [{ ...first, evidence: [{ fact }, ...first.evidence] }, ...others];
}
