import type { Mount } from "../kernel/mountinfo.js";

/**
 * How many of the `count` mounts that the kernel counts in a namespace (NS_MNT_GET_INFO) `mounts` lacks; less than 0 if
 * it has more, as when some came since it was counted. The namespace's root mount, which is its own parent and mostly
 * hidden by what is mounted over it, is not counted.
 */
export function missingMounts(mounts: readonly Mount[], count: number): number {
  let missing = count - mounts.length;
  for (const { id, parent } of mounts) if (id === parent) missing++;
  return missing;
}

/** Whether the root of everything is mounted on something that is not in the table. */
export function isOnHiddenRoot(mounts: readonly Mount[]): boolean {
  const root = mounts.find(({ point, id, parent }) => point === "/" && parent !== id);
  return root !== undefined && !mounts.some(({ id }) => id === root.parent);
}

/** Why a table is not complete of which so many mounts are missing; null where it is. Null: that is not known. */
export function reasonOfMissing(
  mounts: readonly Mount[],
  missing: number | null,
  fromRoot: boolean | null,
): string | null {
  if (missing === 0) return null;
  const share = missing === null ? "" : `: ${mounts.length} of ${mounts.length + missing} mounts`;
  if (fromRoot === false) return `seen from a chroot(2)${share}`;
  if (missing !== null) return `not all can be reached from the root${share}`;
  return fromRoot ? null : "the root of the process that it was read from is not known";
}
