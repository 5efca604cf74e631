import type { Mount } from "../kernel/mountinfo.js";

/** Stands for the parent of the mounts whose own parent is outside the process's root. */
const OUTSIDE = -1;

/**
 * A mount table in which paths can be looked up as the kernel does it: from mount to mount, by parent and mount
 * point (__lookup_mnt() of fs/namespace.c). The order of the lines says nothing about what is on top.
 */
export class MountTree {
  readonly mounts: readonly Mount[];
  readonly #children = new Map<number, Map<string, Mount>>();

  constructor(mounts: readonly Mount[]) {
    this.mounts = mounts;
    const ids = new Set(mounts.map((mount) => mount.id));
    for (const mount of mounts) {
      const parent = mount.parent !== mount.id && ids.has(mount.parent) ? mount.parent : OUTSIDE;
      let children = this.#children.get(parent);
      if (children === undefined) {
        children = new Map();
        this.#children.set(parent, children);
      }
      children.set(mount.point, mount);
    }
  }

  /**
   * The mount that `path` (absolute, normalised, without symbolic links) is in. Null where that mount is not in
   * the table: the root of a process in a chroot(2) need not be one.
   */
  lookup(path: string): Mount | null {
    let current: Mount | null = null;
    let children = this.#children.get(OUTSIDE);
    let end = 0;
    while (true) {
      const prefix = end === 0 ? "/" : path.slice(0, end);
      // A mount on the root of a mount hides it, and so on.
      for (let next = children?.get(prefix); next !== undefined; next = children?.get(prefix)) {
        current = next;
        children = this.#children.get(next.id);
      }
      if (end === path.length || path === "/") return current;
      const slash = path.indexOf("/", end + 1);
      end = slash < 0 ? path.length : slash;
    }
  }

  /** The mounts that a path leads to, those covered by others left out. */
  visible(): Mount[] {
    return this.mounts.filter((mount) => this.lookup(mount.point) === mount);
  }
}
