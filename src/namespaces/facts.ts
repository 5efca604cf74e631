import type { NsType } from "../kernel/links.js";

/** What the kernel itself has of a namespace: struct kh_namespace of bpf/event.h. */
export interface NamespaceFacts {
  readonly type: NsType;
  readonly inum: number;
  /** The id that is never reused, decimal; null where this kernel shows none for the type. */
  readonly id: string | null;
  /** Inode number of the owning user namespace; 0 of the initial user namespace. */
  readonly owner: number;
  /** Inode number of the parent, of pid and user namespaces; 0 of the initial ones and of other types. */
  readonly parent: number;
  /** Of pid and user namespaces: how many ancestors it has. */
  readonly level: number | null;
  /** Of user namespaces: the uid that made it, in the initial user namespace. */
  readonly ownerUid: number | null;
  /** Of mount namespaces: a number that changes whenever the mount table does (touch_mnt_namespace(), fs/namespace.c). */
  readonly mountEvent: bigint | null;
  /**
   * Of mount namespaces: how many mounts it has, without the root that lies below all others (as NS_MNT_GET_INFO counts).
   */
  readonly mountCount: number | null;
}
