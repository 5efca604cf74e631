import type { MountRecord } from "../capture/mount-fields.js";
import type { Superblock } from "../capture/target.js";
import type { MountState, NamespaceRef } from "../event.js";

/** MNT_* of include/linux/mount.h, by the names of mountinfo. */
const OPTIONS: readonly (readonly [number, string])[] = [
  [0x01, "nosuid"],
  [0x02, "nodev"],
  [0x04, "noexec"],
  [0x08, "noatime"],
  [0x10, "nodiratime"],
  [0x20, "relatime"],
  [0x80, "nosymfollow"],
];
const MNT_READONLY = 0x40;
const SB_RDONLY = 0x1;

/**
 * A mount of a record as events show it. `superblock` is the one it shows, null where it could not be read; `namespace`
 * gives the reference to a mount namespace.
 */
export function mountState(
  mount: MountRecord,
  superblock: Superblock | null,
  namespace: (inum: number) => NamespaceRef,
): MountState {
  const attached = mount.nsId !== 0n;
  return {
    id: mount.id === 0n ? null : String(mount.id),
    old_id: mount.oldId,
    parent: attached ? mount.parent : null,
    dev: superblock?.dev ?? "0:0",
    fs_type: superblock?.fsType ?? null,
    mountpoint: mount.mountPoint,
    root: mount.root,
    options: optionsOf(mount),
    mnt_ns: attached ? namespace(mount.ns) : null,
  };
}

function optionsOf({ flags, sbFlags }: MountRecord): string[] {
  const readOnly = (flags & MNT_READONLY) !== 0 || (sbFlags & SB_RDONLY) !== 0;
  return [readOnly ? "ro" : "rw", ...OPTIONS.flatMap(([bit, name]) => ((flags & bit) === 0 ? [] : [name]))];
}
