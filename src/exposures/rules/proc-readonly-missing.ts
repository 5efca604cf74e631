import { pointOf, writablePaths } from "../../mounts/pseudo-view.js";
import type { ContainerView } from "../container-view.js";
import { userEvidence } from "../evidence.js";
import { expectationEvidence, expectedReadonly } from "../expected-paths.js";
import { pathSeverity, raised } from "../path-severity.js";
import type { Exposure, Rule } from "../rule.js";
import { isGlobalSysctl } from "./proc-sys-writable.js";

export const procReadonlyMissing: Rule<ContainerView> = {
  id: "proc-readonly-missing",
  title: "Paths that should be read-only are writable in the container",
  kind: "posture",
  severity: "critical",
  severityDependsOn:
    "What the catalogue says of writing there; one step more where the runtime was told to make it read-only. In a " +
    "user namespace without the host's root nothing there can be written, and only what the runtime was told counts.",
  description:
    "One of /proc/bus, /proc/fs, /proc/irq and /proc/sysrq-trigger, or of what the runtime was told to make " +
    "read-only, is mounted writable, and often the container's root is the host's root, whom only the read-only " +
    "mount keeps from PCI configuration space, filesystem settings, interrupt routing and a crash of the host.",
  remediation: "Leave the runtime's list of read-only paths as it is (procMount: Default).",
  references: [
    "https://github.com/opencontainers/runtime-spec/blob/main/config-linux.md#readonly-paths",
    "https://docs.kernel.org/admin-guide/sysrq.html",
    "https://attack.mitre.org/techniques/T1611/",
  ],
  tags: ["mitre:T1611", "mitre:T1499", "pss:/proc Mount Type"],
  needs: ["mountinfo"],
  subsumes: ["proc-unknown-entry"],
  benign: ["LXC, which makes /proc/sys/net writable for its own network namespace."],
  evaluate: (container) => {
    const expected = expectedReadonly(container).filter(({ fs }) => fs === "proc");
    return container.procfs.flatMap((view) => {
      // Where the host's sysctls are writable, that is the finding; this one is about the rest of the list.
      if (container.realRoot && writablePaths(view, "/sys").some(isGlobalSysctl)) return [];
      const wanted = expected.filter(({ asked }) => container.realRoot || asked === true);
      return wanted.flatMap(({ within, asked }) =>
        writablePaths(view, within)
          .filter((path) => within !== "/sys" || isGlobalSysctl(path))
          .map((path) => exposure(container, pointOf(view, path), path, asked)),
      );
    });
  },
};

function exposure(container: ContainerView, place: string, path: string, asked: boolean | null): Exposure {
  const { severity, effect } = pathSeverity(container, "proc", path, ["write"]);
  return {
    place,
    severity: asked === true ? raised(severity) : severity,
    evidence: [
      {
        fact: `writable: ${place}${effect === "" ? "" : ` (${effect})`}`,
        check: `grep ' - proc ' /proc/${container.task.pid}/mountinfo`,
      },
      expectationEvidence(container, asked),
      userEvidence(container),
    ],
  };
}
