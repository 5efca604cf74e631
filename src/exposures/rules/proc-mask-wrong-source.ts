import type { Severity } from "../../event.js";
import type { Mount } from "../../kernel/mountinfo.js";
import type { PathKind } from "../../mounts/mask-lists.js";
import { type Cover, pointOf } from "../../mounts/pseudo-view.js";
import type { ContainerView } from "../container-view.js";
import { mountLine, userEvidence } from "../evidence.js";
import { expectedMasks } from "../expected-paths.js";
import type { Exposure, Rule } from "../rule.js";

export const procMaskWrongSource: Rule<ContainerView> = {
  id: "proc-mask-wrong-source",
  title: "Something else than nothing is mounted where a mask should be",
  kind: "posture",
  severity: "critical",
  severityDependsOn:
    "What lies there: a part of a kernel file system is critical where the container's root is the host's and medium " +
    "where it is not; anything else that is not empty is low.",
  description:
    "A mask is the null device, an empty read-only tmpfs, or an empty read-only directory. On a path that should be " +
    "masked, or on a device that the runtime binds, another thing is mounted. A runtime that was deceived while it " +
    "made the container (/dev/null or /dev/console replaced by a symbolic link) binds the link's target there, such " +
    "as a writable sysctl.",
  remediation:
    "Stop the container, update runc (1.2.8, 1.3.3, 1.4.0 or later), and let no containers share a writable volume " +
    "while one of them is created.",
  references: [
    "https://github.com/opencontainers/runc/security/advisories/GHSA-9493-h29p-rfm2",
    "https://github.com/opencontainers/runc/security/advisories/GHSA-qw9x-cqr3-wc7r",
    "https://attack.mitre.org/techniques/T1611/",
  ],
  tags: ["mitre:T1611"],
  needs: ["mountinfo"],
  subsumes: [
    "proc-host-superblock-bound",
    "proc-host-pidns-visible",
    "proc-foreign-pidns-visible",
    "proc-subtree-bind",
    "proc-extra-mount",
    "proc-file-overlaid",
    "proc-unmasked",
    "proc-sys-writable",
    "proc-mask-missing",
    "proc-readonly-missing",
  ],
  benign: [
    "A runtime that keeps its empty directory elsewhere than below /run: what is in it cannot be seen.",
  ],
  evaluate: (container) => [...onMasks(container), ...onDevices(container)],
};

function onMasks(container: ContainerView): Exposure[] {
  const expected = expectedMasks(container);
  return (["proc", "sysfs"] as const).flatMap((fs) => {
    const kinds = new Map(
      expected
        .filter((one) => one.fs === fs)
        .map(({ within, path }) => [within, container.existing.get(path)]),
    );
    const views = fs === "proc" ? container.procfs : container.sysfs;
    return views.flatMap((view) =>
      view.covers
        .filter((cover) => kinds.has(cover.path) && isWrong(cover, kinds.get(cover.path)))
        .map(({ mount, path }) => exposure(container, mount, pointOf(view, path))),
    );
  });
}

/** Of a file only a device is a mask. Whether a directory of a disk is empty cannot be seen, and is left to doubt. */
function isWrong({ kind, proof, mount }: Cover, what: PathKind | undefined): boolean {
  if (kind === "other") return true;
  return what === "file" && kind === "mask" && proof === "unproven" && !/^(?:dev)?tmpfs$/.test(mount.fsType);
}

/** The null device, the console and terminals, over which a runtime binds and which only a device belongs on. */
const DEVICE = /^\/dev\/(?:null|console|pts\/[^/]+)$/;

function onDevices(container: ContainerView): Exposure[] {
  return container.mounts
    .filter(({ point, fsType }) => DEVICE.test(point) && KERNEL.test(fsType))
    .map((mount) => exposure(container, mount, mount.point));
}

function exposure(container: ContainerView, mount: Mount, place: string): Exposure {
  const what = mount.root === "/" ? mount.fsType : `${mount.root} of ${mount.fsType}`;
  return {
    place,
    severity: severityOf(container, mount),
    evidence: [
      {
        fact: `${what} (device ${mount.dev}) is mounted at ${place}, where nothing should be seen`,
        check: mountLine(container, mount),
      },
      userEvidence(container),
    ],
  };
}

/** File systems through which the kernel itself is seen and changed. */
const KERNEL = /^(?:proc|sysfs|cgroup2?|debugfs|tracefs|securityfs|configfs|bpf|binfmt_misc|efivarfs)$/;

function severityOf({ realRoot }: ContainerView, { fsType }: Mount): Severity {
  if (!KERNEL.test(fsType)) return "low";
  return realRoot ? "critical" : "medium";
}
