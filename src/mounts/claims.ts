import type { MountRecord } from "../capture/mount-fields.js";

/** What mount(2) was asked, as far as it tells which mount it made. */
export interface Claim {
  /** The newest mount in the caller's namespace when the call had returned. */
  readonly mount: MountRecord;
  /** Where the caller wanted it, see callerPath(); null where that cannot be said. */
  readonly target: string | null;
  /** Others could write the string of the target while the kernel read it. */
  readonly rewritable: boolean;
}

/** The newest mount of a namespace when it was looked at last. */
interface Newest {
  readonly id: bigint;
  readonly mounts: number;
}

/** More namespaces than a node has; the one that was looked at first gives way. */
const MAX_NAMESPACES = 4096;

/**
 * Which mount a successful mount(2) made. The kernel does not say; what it does say is which mount came last into the
 * caller's namespace. That is the call's own if it is the only one that has come since the last look. Else nothing is
 * said: others may mount in the same namespace, and in the same place, at the same time. The first call of a namespace
 * has nothing to be compared with: there the mount has to stand where the caller wanted it.
 */
export class MountClaims {
  readonly #newest = new Map<string, Newest>();
  #evictions = 0;

  /** Namespaces that were forgotten. */
  get evictions(): number {
    return this.#evictions;
  }

  /** Whether `mount` is what the call made; a mount is given to one call only. */
  take({ mount, target, rewritable }: Claim): boolean {
    if (mount.nsId === 0n) return false;
    const last = this.#newest.get(keyOf(mount));
    this.note(mount);
    const isThere = target !== null && target === mount.mountPoint;
    // before 6.8 mounts have no id that lasts: the place has to tell, and how many there are
    if (mount.id === 0n) return isThere && (!rewritable || last?.mounts === mount.mounts - 1);
    if (last === undefined) return isThere && !rewritable;
    return mount.id > last.id && mount.before <= last.id;
  }

  /** Takes note of a mount that another call has brought into a namespace. */
  note(mount: MountRecord): void {
    if (mount.nsId === 0n) return;
    const key = keyOf(mount);
    const last = this.#newest.get(key);
    this.#newest.delete(key);
    const id = last !== undefined && last.id > mount.id ? last.id : mount.id;
    this.#newest.set(key, { id, mounts: mount.mounts });
    if (this.#newest.size <= MAX_NAMESPACES) return;
    this.#newest.delete(this.#newest.keys().next().value!);
    this.#evictions++;
  }
}

function keyOf({ ns, nsId }: MountRecord): string {
  return `${ns}:${nsId}`;
}
