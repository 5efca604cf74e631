import { isMasked, pointOf } from "../../mounts/pseudo-view.js";
import type { ContainerView } from "../container-view.js";
import { listOf, userEvidence } from "../evidence.js";
import { expectationEvidence, expectedMasks } from "../expected-paths.js";
import type { Rule } from "../rule.js";

export const procMaskBypassedAtCreate: Rule<ContainerView> = {
  id: "proc-mask-bypassed-at-create",
  title: "None of the files that the runtime was told to mask is masked",
  kind: "posture",
  severity: "critical",
  severityDependsOn: "Critical where the container's root is the host's, else medium.",
  description:
    "The runtime was told to mask files and directories. The directories are masked and not one of the files is: " +
    "that is what is left when /dev/null was missing while the container was made, which runc ignored until 1.2.8, " +
    "1.3.3 and 1.4.0. Whoever took the masks of all files away later leaves the same behind.",
  remediation:
    "Stop the container, look at who made its /dev/null disappear (another container that shares its root or a " +
    "volume), and update runc.",
  references: [
    "https://github.com/opencontainers/runc/security/advisories/GHSA-9493-h29p-rfm2",
    "https://github.com/opencontainers/runtime-spec/blob/main/config-linux.md#masked-paths",
    "https://attack.mitre.org/techniques/T1611/",
  ],
  tags: ["mitre:T1611"],
  needs: ["mountinfo", "runtime-spec"],
  subsumes: ["proc-mask-missing"],
  evaluate: (container) => {
    const asked = expectedMasks(container).filter((one) => one.asked === true && one.fs === "proc");
    const isFile = ({ path }: (typeof asked)[number]) => container.existing.get(path) === "file";
    const files = asked.filter(isFile);
    const directories = asked.filter((one) => !isFile(one));
    return container.procfs
      .filter(({ point, root, subset }) => point === "/proc" && root === "/" && subset === null)
      .filter((view) => directories.some(({ within }) => isMasked(view, within)))
      .filter((view) => files.every(({ within }) => !view.covers.some(({ path }) => path === within)))
      .flatMap((view) => {
        const places = files.map(({ within }) => pointOf(view, within));
        const fact = `directories are masked, and none of the files: ${listOf(places)}`;
        const check = `grep -E ' - (proc|tmpfs|devtmpfs) ' /proc/${container.task.pid}/mountinfo`;
        const evidence = [{ fact, check }, expectationEvidence(container, true), userEvidence(container)];
        const severity = container.realRoot ? ("critical" as const) : ("medium" as const);
        return places.map((place) => ({ place, severity, evidence }));
      });
  },
};
