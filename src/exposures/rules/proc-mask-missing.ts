import { isMasked, type PseudoView, pointOf, shows } from "../../mounts/pseudo-view.js";
import type { ContainerView } from "../container-view.js";
import { userEvidence } from "../evidence.js";
import { type ExpectedPath, expectationEvidence, expectedMasks } from "../expected-paths.js";
import { accessThrough, pathSeverity, raised } from "../path-severity.js";
import type { Exposure, Rule } from "../rule.js";
import { isUnmasked, isWhole } from "./proc-unmasked.js";

export const procMaskMissing: Rule<ContainerView> = {
  id: "proc-mask-missing",
  title: "Paths that should be masked are visible in the container",
  kind: "posture",
  severity: "critical",
  severityDependsOn:
    "What the catalogue says of the path, for whoever the container's root is on the host; one step more where the " +
    "runtime was told to mask it.",
  description:
    "Some of the paths that all container runtimes mask by default, or that this container's runtime was told to " +
    "mask, are visible although the kernel has them. Either the specification leaves them out, or the runtime failed " +
    "to mask them, or a mask was taken away.",
  remediation:
    "Leave the runtime's list of masked paths as it is (procMount: Default, no systempaths=unconfined). Where the " +
    "runtime was told to mask the path: update it, and take CAP_SYS_ADMIN from the container.",
  references: [
    "https://github.com/moby/moby/blob/master/daemon/pkg/oci/defaults.go",
    "https://github.com/opencontainers/runtime-spec/blob/main/config-linux.md#masked-paths",
    "https://attack.mitre.org/techniques/T1082/",
  ],
  tags: ["mitre:T1082", "mitre:T1611", "pss:/proc Mount Type"],
  needs: ["mountinfo"],
  subsumes: [],
  benign: ["An older runtime or kubelet whose list is shorter: then it was not told to mask the path."],
  evaluate: (container) => {
    const expected = expectedMasks(container);
    const proc = expected.filter(({ fs }) => fs === "proc");
    const found = container.procfs
      .filter(isWhole)
      .flatMap((view) => visible(view, proc).map((one) => exposure(container, view, one)));
    // where nothing of /proc is masked that is what has to be told, and the masks of /sys are of the same list
    if (container.procfs.some((view) => isUnmasked(container, view))) return found;
    const sys = expected.filter(({ fs }) => fs === "sysfs");
    return [
      ...found,
      ...container.sysfs.flatMap((view) => visible(view, sys).map((one) => exposure(container, view, one))),
    ];
  },
};

function visible(view: PseudoView, expected: readonly ExpectedPath[]): ExpectedPath[] {
  return expected.filter(({ within }) => shows(view, within) && !isMasked(view, within));
}

function exposure(
  container: ContainerView,
  view: PseudoView,
  { fs, path, within, asked }: ExpectedPath,
): Exposure {
  const place = pointOf(view, within);
  const { severity, effect } = pathSeverity(
    container,
    fs,
    fs === "proc" ? within : path,
    accessThrough(view, within),
  );
  return {
    place,
    severity: asked === true ? raised(severity) : severity,
    evidence: [
      {
        fact: `not masked: ${place}${effect === "" ? "" : ` (${effect})`}`,
        check: `grep -E ' - (proc|sysfs|tmpfs|devtmpfs) ' /proc/${container.task.pid}/mountinfo`,
      },
      expectationEvidence(container, asked),
      userEvidence(container),
    ],
  };
}
