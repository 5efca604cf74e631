import { DEFAULT_GAPS, MASK_FLOOR } from "../../mounts/mask-lists.js";
import { isMasked, type PseudoView, shows } from "../../mounts/pseudo-view.js";
import type { ContainerView } from "../container-view.js";
import { withinProc } from "../evidence.js";
import type { Rule } from "../rule.js";
import { isWhole } from "./proc-unmasked.js";

export const procDefaultGaps: Rule<ContainerView> = {
  id: "proc-default-gaps",
  title: "Containers with default masks can read global kernel state",
  kind: "posture",
  severity: "info",
  description:
    "The lists of masked paths that runtimes use by default are not complete. This node's kernel has these " +
    "entries, and containers whose masks are all in place and whose root is the host's can read them. One " +
    "finding for the node: it says nothing about any one container.",
  remediation:
    "Run containers in user namespaces (hostUsers: false), where most of these entries refuse to open, and keep " +
    "the runtime and kubelet up to date: newer lists mask /proc/interrupts and the energy counters.",
  references: [
    "https://github.com/moby/moby/security/advisories/GHSA-6fw5-f8r9-fgfm",
    "https://github.com/moby/moby/security/advisories/GHSA-jq35-85cj-fj4p",
    "https://attack.mitre.org/techniques/T1082/",
  ],
  tags: ["mitre:T1082"],
  needs: ["mountinfo"],
  subsumes: [],
  evaluate: (container) => {
    if (!container.realRoot) return [];
    const procfs = container.procfs.filter((view) => isWhole(view) && hasDefaultMasks(container, view));
    if (procfs.length === 0) return [];
    return DEFAULT_GAPS.filter(
      (path) => container.existing.has(path) && isReachable(procfs, container.sysfs, path),
    ).map((path) => ({
      place: path,
      severity: "info" as const,
      evidence: [{ fact: `${path} is not masked in containers with default masks`, check: `ls -ld ${path}` }],
    }));
  },
};

function isReachable(procfs: readonly PseudoView[], sysfs: readonly PseudoView[], path: string): boolean {
  const [views, within] = path.startsWith("/sys/")
    ? [sysfs, path.slice("/sys".length)]
    : [procfs, withinProc(path)];
  return views.some((view) => shows(view, within) && !isMasked(view, within));
}

/** Whether all that every runtime masks is masked. */
export function hasDefaultMasks(container: ContainerView, view: PseudoView): boolean {
  return MASK_FLOOR.every(
    (path) => !path.startsWith("/proc/") || !container.existing.has(path) || isMasked(view, withinProc(path)),
  );
}
