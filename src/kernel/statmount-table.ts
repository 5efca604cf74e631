import type { SysResult } from "./libc.js";
import { DELETED_MARK, IDMAPPED, type MountWords, rawFields } from "./mount-words.js";
import type { Mount, MountIdmap, MountinfoReading } from "./mountinfo.js";
import {
  listMounts,
  type MountStat,
  STATMOUNT_FS_SUBTYPE,
  STATMOUNT_FS_TYPE,
  STATMOUNT_MNT_BASIC,
  STATMOUNT_MNT_GIDMAP,
  STATMOUNT_MNT_OPTS,
  STATMOUNT_MNT_POINT,
  STATMOUNT_MNT_ROOT,
  STATMOUNT_MNT_UIDMAP,
  STATMOUNT_SB_BASIC,
  STATMOUNT_SB_SOURCE,
  statMount,
  statmountMask,
} from "./statmount.js";

const IDMAP = STATMOUNT_MNT_UIDMAP | STATMOUNT_MNT_GIDMAP;
const WHOLE =
  STATMOUNT_SB_BASIC |
  STATMOUNT_MNT_BASIC |
  STATMOUNT_MNT_ROOT |
  STATMOUNT_MNT_POINT |
  STATMOUNT_FS_TYPE |
  STATMOUNT_MNT_OPTS |
  STATMOUNT_FS_SUBTYPE |
  STATMOUNT_SB_SOURCE |
  IDMAP;

/**
 * Reads at most `limit` mounts of mount namespace `ns` (its id) by statmount(2), as mountinfo shows them to a process
 * whose root is the namespace's; `propagateFrom` alone is missing, which the kernel counts from the caller's own root.
 * Before Linux 6.13 the kernel tells neither sources nor subtypes: `source` is empty then. Errors: those of
 * {@link listMounts}; EPERM when the mounts may be listed but not looked at.
 */
export function readStatmountTable(
  ns: bigint,
  words: MountWords,
  limit: number,
): SysResult<StatmountReading> {
  const listed = listMounts(ns);
  if (!listed.ok) return listed;
  const mounts: Mount[] = [];
  const uniqueIds = listed.value.slice(0, limit);
  for (const uniqueId of uniqueIds) {
    const stat = statMount(ns, uniqueId, WHOLE);
    if (stat.ok) mounts.push(asMount(stat.value, words));
    else if (stat.errno !== "ENOENT") return stat;
  }
  const again = listMounts(ns);
  const changed = mounts.length !== uniqueIds.length || !again.ok || !equal(listed.value, again.value);
  const hidden = isHiddenRoot(mounts) ? 1 : 0;
  const cut = listed.value.length > limit;
  return { ok: true, value: { mounts: mounts.slice(hidden), changed, cut, hidden } };
}

export interface StatmountReading extends MountinfoReading {
  /** How many were left out, since no path leads to them. */
  readonly hidden: number;
}

/** The type of the kernel's own root, below which Linux 7.0 and later have another one. */
const ROOTFS = "rootfs";

/**
 * Whether the first one is the root of the initramfs with the root of everything mounted over it. Since Linux 7.0
 * listmount(2) has it, and mountinfo does not, for no path leads there.
 */
function isHiddenRoot([first, ...others]: readonly Mount[]): boolean {
  return (
    first !== undefined &&
    first.fsType === ROOTFS &&
    others.some(({ parent, point }) => parent === first.id && point === "/")
  );
}

/** The unique ids of namespace `ns` for the `lines` of its mountinfo; null where those are not the same mounts. */
export function listVisibleIds(ns: bigint, lines: number): readonly number[] | null {
  const listed = listMounts(ns);
  if (!listed.ok || listed.value.length < lines) return null;
  if (listed.value.length === lines) return listed.value;
  const [first] = listed.value;
  const stat = statMount(ns, first!, STATMOUNT_FS_TYPE);
  return listed.value.length === lines + 1 && stat.ok && stat.value.fsType === ROOTFS
    ? listed.value.slice(1)
    : null;
}

/**
 * Whether `mounts`, which have unique ids in the order of mountinfo (ascending since Linux 6.8), are those of namespace
 * `ns`. The ids of the last one are enough: it is in one namespace alone, and a later one would come after it.
 */
export function isTableOf(ns: bigint, mounts: readonly Mount[]): boolean {
  const last = mounts.at(-1);
  if (last?.uniqueId === undefined) return false;
  const stat = statMount(ns, Number(last.uniqueId), STATMOUNT_MNT_BASIC);
  return stat.ok && stat.value.id === last.id && stat.value.parent === last.parent;
}

/** Adds their maps to the idmapped ones of `mounts`, which have unique ids. */
export function addIdmaps(ns: bigint, mounts: readonly Mount[], words: MountWords): void {
  if (!words.hasIdmapped) return;
  for (const mount of mounts as { -readonly [key in keyof Mount]: Mount[key] }[]) {
    if (mount.uniqueId === undefined || !mount.options.includes(IDMAPPED)) continue;
    const stat = statMount(ns, Number(mount.uniqueId), IDMAP);
    const idmap = stat.ok ? idmapOf(stat.value, words) : null;
    if (idmap !== null) mount.idmap = idmap;
  }
}

function asMount(stat: MountStat, words: MountWords): Mount {
  const subtype = stat.fsSubtype;
  const bytes = {
    root: stat.root,
    point: stat.point,
    fsType: subtype === "" ? stat.fsType : `${stat.fsType}.${subtype}`,
    source: sourceOf(stat),
  };
  const root = words.utf8(bytes.root);
  const deleted = root.endsWith(DELETED_MARK);
  const idmap = (stat.mask & IDMAP) === 0 ? null : idmapOf(stat, words);
  const raw = rawFields(bytes);
  return {
    id: stat.id,
    parent: stat.parent,
    dev: words.text(stat.dev),
    root: deleted ? root.slice(0, -DELETED_MARK.length) : root,
    point: words.utf8(bytes.point),
    options: words.options(optionsOf(stat.attributes)),
    propagation: words.propagation(propagationOf(stat)),
    fsType: words.utf8(bytes.fsType),
    source: words.utf8(bytes.source),
    superOptions: words.options(superOptionsOf(stat)),
    ...(deleted ? { deleted } : {}),
    ...(raw === null ? {} : { raw }),
    uniqueId: `${stat.uniqueId}`,
    ...(idmap === null ? {} : { idmap }),
  };
}

function sourceOf(stat: MountStat): string {
  if ((stat.mask & STATMOUNT_SB_SOURCE) !== 0) return stat.source;
  // what show_mountinfo() of fs/proc_namespace.c writes for a mount without a source
  return (statmountMask() & STATMOUNT_SB_SOURCE) === 0 ? "" : "none";
}

/** Null of a mount that is not idmapped, and where the kernel does not tell. */
function idmapOf(stat: MountStat, words: MountWords): MountIdmap | null {
  const [uid, gid] = [stat.uidMap, stat.gidMap];
  if (uid.length === 0 && gid.length === 0) return null;
  return { uid: uid.map((line) => words.text(line)), gid: gid.map((line) => words.text(line)) };
}

/** MOUNT_ATTR_* in the words and the order of show_mnt_opts() of fs/proc_namespace.c. */
const ATTRIBUTES: readonly (readonly [number, string])[] = [
  [0x2, "nosuid"],
  [0x4, "nodev"],
  [0x8, "noexec"],
  [0x10, "noatime"],
  [0x80, "nodiratime"],
];
const MOUNT_ATTR_RDONLY = 0x1;
/** A field of three bits; relatime is its value 0. */
const MOUNT_ATTR__ATIME = 0x70;
const MOUNT_ATTR_NOSYMFOLLOW = 0x200000;
const MOUNT_ATTR_IDMAP = 0x100000;

function optionsOf(attributes: number): string {
  let text = (attributes & MOUNT_ATTR_RDONLY) === 0 ? "rw" : "ro";
  for (const [bit, word] of ATTRIBUTES) if ((attributes & bit) !== 0) text += `,${word}`;
  if ((attributes & MOUNT_ATTR__ATIME) === 0) text += ",relatime";
  if ((attributes & MOUNT_ATTR_NOSYMFOLLOW) !== 0) text += ",nosymfollow";
  if ((attributes & MOUNT_ATTR_IDMAP) !== 0) text += `,${IDMAPPED}`;
  return text;
}

/** SB_* of include/linux/fs.h in the words of show_sb_opts(). */
const SUPER_FLAGS: readonly (readonly [number, string])[] = [
  [0x10, "sync"],
  [0x80, "dirsync"],
  [0x2000000, "lazytime"],
];
const SB_RDONLY = 0x1;

function superOptionsOf(stat: MountStat): string {
  const flags = stat.superFlags;
  let text = (flags & SB_RDONLY) === 0 ? "rw" : "ro";
  for (const [bit, word] of SUPER_FLAGS) if ((flags & bit) !== 0) text += `,${word}`;
  const own = stat.superOptions;
  return own === "" ? text : `${text},${own}`;
}

const MS_UNBINDABLE = 0x20000;
const MS_SLAVE = 0x80000;
const MS_SHARED = 0x100000;

/** The optional fields of a line of mountinfo. */
function propagationOf(stat: MountStat): string {
  const kind = stat.propagation;
  const fields: string[] = [];
  if ((kind & MS_SHARED) !== 0) fields.push(`shared:${stat.peerGroup}`);
  if ((kind & MS_SLAVE) !== 0) fields.push(`master:${stat.master}`);
  if ((kind & MS_UNBINDABLE) !== 0) fields.push("unbindable");
  return fields.join(" ");
}

function equal(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((id, at) => id === b[at]);
}
