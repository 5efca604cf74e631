import { type Cover, pointOf } from "../../mounts/pseudo-view.js";
import type { ContainerView } from "../container-view.js";
import { mountLine } from "../evidence.js";
import { expectedMasks } from "../expected-paths.js";
import type { Rule } from "../rule.js";
import { isWhole } from "./proc-unmasked.js";

export const procFileOverlaid: Rule<ContainerView> = {
  id: "proc-file-overlaid",
  title: "A file of the container's /proc is covered by one of another file system",
  kind: "posture",
  severity: "medium",
  description:
    "Over a part of the container's /proc lies a file or directory that is neither a mask nor one of those that LXCFS " +
    "gives out. Whoever wrote it decides what programs read there about the kernel and themselves.",
  remediation: "Look at what is mounted there and who mounted it; start the container anew without it.",
  references: [
    "https://man7.org/linux/man-pages/man5/proc.5.html",
    "https://attack.mitre.org/techniques/T1564/013/",
  ],
  tags: ["mitre:T1564.013", "mitre:T1497.001"],
  needs: ["mountinfo"],
  subsumes: [],
  benign: [
    "LXCFS, with the files that it has of procfs.",
    "NVIDIA's container runtime, with a directory of its own at /proc/driver/nvidia.",
    "sysbox-fs, which emulates parts of /proc/sys; runtimes that give a container a boot id of its own.",
  ],
  evaluate: (container) => {
    const expected = new Set(expectedMasks(container).map(({ path }) => path));
    return container.procfs.filter(isWhole).flatMap((view) =>
      view.covers
        .filter((cover) => isForeign(cover) && !expected.has(`/proc${cover.path}`))
        .map(({ mount, path }) => ({
          place: pointOf(view, path),
          severity: "medium" as const,
          evidence: [
            {
              fact: `${mount.root} of ${mount.fsType} (device ${mount.dev}) lies over ${pointOf(view, path)}`,
              check: mountLine(container, mount),
            },
          ],
        })),
    );
  },
};

/** What LXCFS shows of procfs (its README); with FUSE a file of its own lies over each. */
const LXCFS =
  /^\/(?:cpuinfo|diskstats|meminfo|stat|swaps|uptime|loadavg|slabinfo|pressure\/(?:cpu|io|memory))$/;
/** What lies over others by design: a procfs, which is told by other rules; file systems that have their place there. */
const OTHERS = /^(?:proc|sysfs|binfmt_misc|nfsd|autofs|rpc_pipefs)$/;
const PROCESS = /^\/\d+(?:\/|$)/;

function isForeign({ kind, mount, path, proof }: Cover): boolean {
  if (OTHERS.test(mount.fsType) || PROCESS.test(path)) return false;
  if (/^\/driver\/nvidia(?:\/|$)/.test(path) && mount.fsType === "tmpfs") return false;
  if (mount.fsType === "fuse.lxcfs" && LXCFS.test(path)) return false;
  // a read-only file of a disk passes for a mask where the table is all that can be asked
  return kind === "other" || (kind === "mask" && proof === "unproven" && mount.fsType !== "tmpfs");
}
