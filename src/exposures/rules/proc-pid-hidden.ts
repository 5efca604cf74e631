import { pointOf } from "../../mounts/pseudo-view.js";
import type { ContainerView } from "../container-view.js";
import { mountLine } from "../evidence.js";
import type { Rule } from "../rule.js";

export const procPidHidden: Rule<ContainerView> = {
  id: "proc-pid-hidden",
  title: "A mount hides a process in the container's /proc",
  kind: "posture",
  severity: "high",
  description:
    "Something is mounted over the directory of a process: ps and whatever else reads /proc there does not see the " +
    "process as it is. Nothing does that in normal use.",
  remediation:
    "Look at the process by its pid from the host, whose /proc the mount does not reach, and end it.",
  references: [
    "https://attack.mitre.org/techniques/T1564/013/",
    "https://man7.org/linux/man-pages/man5/proc_pid.5.html",
  ],
  tags: ["mitre:T1564.013"],
  needs: ["mountinfo"],
  subsumes: ["proc-file-overlaid", "proc-subtree-bind"],
  evaluate: (container) =>
    container.procfs.flatMap((view) =>
      view.covers
        .filter(({ path, kind }) => PROCESS.test(path) && kind !== "readonly" && kind !== "writable")
        .map(({ mount, path }) => ({
          place: pointOf(view, path),
          severity: "high" as const,
          evidence: [
            {
              fact: `${mount.root} of ${mount.fsType} lies over ${pointOf(view, path)}`,
              check: mountLine(container, mount),
            },
          ],
        })),
    ),
};

const PROCESS = /^\/\d+(?:\/|$)/;
