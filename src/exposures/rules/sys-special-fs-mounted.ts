import type { Mount } from "../../kernel/mountinfo.js";
import { isReadonly } from "../../mounts/pseudo-view.js";
import type { ContainerView } from "../container-view.js";
import { mountLine, userEvidence } from "../evidence.js";
import { INSTANCED } from "../occasional-facts.js";
import { type AccessKind, pathSeverity } from "../path-severity.js";
import type { Rule } from "../rule.js";

export const sysSpecialFsMounted: Rule<ContainerView> = {
  id: "sys-special-fs-mounted",
  title: "A file system that controls the host's kernel is mounted in the container",
  kind: "posture",
  severity: "critical",
  severityDependsOn:
    "What the catalogue says of the file system, by whether it is read-only and whose root the container's is.",
  description:
    "debugfs, tracefs, securityfs, bpf, configfs, efivarfs, binfmt_misc and the like are not mounted in containers " +
    "by default. Each is the host's: what is done there is done to the host's kernel.",
  remediation: "Remove the mount. An agent that needs it: mount it read-only, and give it to nobody else.",
  references: [
    "https://docs.kernel.org/filesystems/debugfs.html",
    "https://docs.kernel.org/trace/ftrace.html",
    "https://attack.mitre.org/techniques/T1611/",
  ],
  tags: ["mitre:T1611", "pss:HostPath Volumes", "pss:Privileged Containers"],
  needs: ["mountinfo"],
  subsumes: [],
  benign: [
    "Agents that use BPF (Cilium, Falco, Tetragon, Tracee), with /sys/fs/bpf, /sys/kernel/debug and /sys/kernel/tracing.",
    "Docker on hosts with SELinux, with selinuxfs read-only.",
  ],
  evaluate: (container) =>
    container.mounts.flatMap((mount) => {
      const entry = ENTRIES[mount.fsType];
      if (entry === undefined || !isOfHost(container, mount)) return [];
      const kinds: readonly AccessKind[] = isReadonly(mount) ? ["read"] : ["read", "write"];
      const { severity, effect } = pathSeverity(container, ...entry, kinds);
      if (severity === "info") return [];
      return [
        {
          place: mount.point,
          severity,
          evidence: [
            {
              fact:
                `${mount.fsType} (device ${mount.dev}) is mounted ` +
                `${isReadonly(mount) ? "read-only" : "writable"} at ${mount.point}: ${effect}`,
              check: mountLine(container, mount),
            },
            userEvidence(container),
          ],
        },
      ];
    }),
};

/** Where the catalogue has what a file system gives: its type there, and the path. */
const ENTRIES: Readonly<Record<string, readonly [fs: string, path: string]>> = {
  debugfs: ["debugfs", "/"],
  tracefs: ["tracefs", "/"],
  securityfs: ["securityfs", "/"],
  bpf: ["bpf", "/"],
  selinuxfs: ["selinuxfs", "/"],
  efivarfs: ["efivarfs", "/"],
  nfsd: ["nfsd", "/"],
  rpc_pipefs: ["rpc_pipefs", "/"],
  configfs: ["configfs", "/"],
  fusectl: ["configfs", "/sys/fs/fuse"],
  pstore: ["configfs", "/sys/fs/pstore"],
  resctrl: ["configfs", "/sys/fs/resctrl"],
  binfmt_misc: ["proc", "/sys/fs/binfmt_misc"],
};

/** There is one of most of them; of the others a container can have its own. */
function isOfHost({ hostMounts }: ContainerView, { fsType, dev }: Mount): boolean {
  return !INSTANCED.has(fsType) || hostMounts?.some((mount) => mount.dev === dev) === true;
}
