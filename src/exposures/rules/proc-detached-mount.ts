import { HELD_MS } from "../../mounts/story-holders.js";
import type { StoryRule } from "../story-act.js";

export const procDetachedMount: StoryRule = {
  id: "proc-detached-mount",
  title: "A container holds a procfs that is mounted nowhere",
  kind: "act",
  severity: "high",
  description:
    "A task in a container made a detached procfs by fsmount(2) or open_tree(2) and has attached it nowhere: it kept " +
    "the descriptor over an execve(2), another process has it, or it was held for more than two seconds. All of that " +
    "procfs can be used through the descriptor, without any of the container's masks, and no mount table shows it.",
  remediation:
    "End the processes that hold the descriptor. Drop CAP_SYS_ADMIN (do not run the container privileged) and keep the " +
    "runtime's seccomp profile.",
  references: [
    "https://man7.org/linux/man-pages/man2/open_tree.2.html",
    "https://docs.kernel.org/filesystems/mount_api.html",
    "https://attack.mitre.org/techniques/T1611/",
  ],
  tags: ["mitre:T1611", "pss:Capabilities", "pss:Privileged Containers"],
  needs: ["syscalls", "stories"],
  subsumes: [],
  benign: [
    "runc and crun work on a detached procfs while they make a container ready, and close it before they start what " +
      "runs in it: counted as runtime-setup",
  ],
  filesystems: ["proc"],
  evaluate: ({ story, isRuntime, suppress }) => {
    const { kind, mount, state, steps, began, ended, time, holders = [] } = story;
    if ((kind !== "mount" && kind !== "clone") || mount === undefined || mount.mnt_ns !== null) return [];
    if (state === "attached" || state === "rejected") return [];
    const isKept = state === "kept" || state === "passed";
    const until = Date.parse(ended?.before ?? time);
    if (!isKept && until - Date.parse(began) < HELD_MS) return [];
    if (isRuntime) {
      suppress("runtime-setup");
      return [];
    }
    const { pid } = story.process;
    const made = steps.findLast(({ ret }) => ret !== null && ret >= 0)?.syscall ?? "a call";
    const holder = holders[0];
    return [
      {
        place: mount.dev,
        severity: "high",
        evidence: [
          {
            fact:
              `process ${pid} made a detached procfs (device ${mount.dev}), by ${made} at last, and it is ` +
              (state === "passed"
                ? "held by another process"
                : isKept
                  ? "kept over an execve"
                  : "still not attached"),
            ...(holder !== undefined && { check: `ls -l /proc/${holder.pid}/fd` }),
          },
        ],
      },
    ];
  },
};
