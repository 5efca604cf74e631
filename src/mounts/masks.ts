import type { Mount } from "../kernel/mountinfo.js";
import type { HostProof } from "./host-masks.js";
import type { MountTree } from "./mount-tree.js";

/**
 * How it is known that a mask shows nothing: it is the null device, or it is empty, as the mount table or the host's own
 * files prove; or it looks like one and nothing that can be asked says otherwise.
 */
export type MaskProof = "null-device" | "empty" | "unproven";

/** Who can be asked about what a mount table leaves open. */
export interface MaskOracle {
  prove(mount: Mount): HostProof;
}

/** Judges what lies over paths of a procfs or sysfs, in the mount table of one process. */
export class MaskJudge {
  /** The superblocks of the container's own /dev: a runtime makes its nodes before anything of the container runs. */
  readonly #ownDev: ReadonlySet<string>;
  readonly #oracle: MaskOracle | null;

  constructor({ mounts }: MountTree, oracle: MaskOracle | null = null) {
    this.#oracle = oracle;
    this.#ownDev = new Set(
      mounts
        .filter(({ point, root, fsType }) => point === "/dev" && root === "/" && fsType === "tmpfs")
        .map(({ dev }) => dev),
    );
  }

  /**
   * What proves that `mount` hides what it is mounted over behind nothing; null when it is no mask. runc binds the null
   * device of the container's /dev, crun and rootless runtimes the host's; over a directory there is an empty read-only
   * tmpfs (runc, since 1.3.6 one for all) or an empty directory that crun keeps for that.
   */
  prove(mount: Mount): MaskProof | null {
    const { fsType, root, dev } = mount;
    if (!MAY_MASK.test(fsType)) return null;
    const told = this.#oracle?.prove(mount) ?? null;
    if (told === "content") return null;
    if (told !== null) return told === "empty" && !isMountReadonly(mount) ? null : told;
    if (root === "/null" && (fsType === "tmpfs" || fsType === "devtmpfs")) {
      return fsType === "devtmpfs" || this.#ownDev.has(dev) ? "null-device" : "unproven";
    }
    if (!isMountReadonly(mount)) return null;
    if (root === "/" && fsType === "tmpfs") return isEmptyTmpfs(mount) ? "empty" : "unproven";
    return "unproven";
  }
}

/** Whatever is in other kernel file systems, or behind FUSE, is not nothing. */
const MAY_MASK =
  /^(?!fuse)(?!(?:proc|sysfs|cgroup2?|debugfs|tracefs|securityfs|configfs|bpf|binfmt_misc|devpts|mqueue|nsfs)$)/;

/** A tmpfs into which nothing can be put: no mount of it is writable, or it has room for its root directory only. */
function isEmptyTmpfs({ superOptions }: Mount): boolean {
  return superOptions.some((option) => option === "ro" || /^nr_inodes=[12]$/.test(option));
}

function isMountReadonly({ options, superOptions }: Mount): boolean {
  return options.includes("ro") || superOptions.includes("ro");
}
