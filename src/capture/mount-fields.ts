/** What a record says about mounts and about the files they are made with, as bpf/mount.h and bpf/story.h found it. */
import type { NsfsTarget } from "./target.js";
import { readNsfs } from "./target.js";
import { readPath } from "./text.js";
import { FILE, type Field, FieldId, MOUNT, Status, type Wire } from "./wire.js";

/** An open file. A struct file that is freed is used again at once: address and time of making together are a name. */
export interface FileName {
  readonly file: bigint;
  /** The fs context or the vfsmount behind it. */
  readonly object: bigint;
  /** CLOCK_BOOTTIME in nanoseconds; 0n when the call that made it was not seen. */
  readonly made: bigint;
}

export interface MountRecord {
  /** 0n before Linux 6.8. */
  readonly id: bigint;
  readonly object: bigint;
  /** 0n while it is detached. */
  readonly nsId: bigint;
  /** Of the newest mount of a namespace, `id` of the one that was the newest before it, its own if that is unknown; else 0n. */
  readonly before: bigint;
  readonly ns: number;
  readonly oldId: number;
  readonly parent: number;
  /** MNT_* and SB_* */
  readonly flags: number;
  readonly sbFlags: number;
  /** How many mounts its namespace has. */
  readonly mounts: number;
  /** Seen from the caller's root; null outside of it. */
  readonly mountPoint: string | null;
  readonly root: string | null;
}

export interface MountFields {
  readonly file: FileName | null;
  readonly made: FileName | null;
  readonly mount: MountRecord | null;
  /** The directories that the first and the second path of the call start from. */
  readonly base: string | null;
  readonly toBase: string | null;
  /** The namespace behind a descriptor that is an option's value. */
  readonly value: NsfsTarget | null;
  /** The caller's root after the call. */
  readonly root: string | null;
}

/** The fields of a record that concern mounts; of other calls they are all null. */
export function readMountFields(wire: Wire, fields: readonly Field[]): MountFields {
  let file: FileName | null = null;
  let made: FileName | null = null;
  let value: NsfsTarget | null = null;
  let mountAt = -1;
  let [mountPoint, mountRoot]: [string | null, string | null] = [null, null];
  let [base, toBase, root]: [string | null, string | null, string | null] = [null, null, null];
  for (const field of fields) {
    switch (field.id) {
      case FieldId.file:
        file = readFile(wire, field.at);
        break;
      case FieldId.made:
        made = readFile(wire, field.at);
        break;
      case FieldId.mount:
        mountAt = field.at;
        break;
      case FieldId.value:
        value = readNsfs(wire, field.at);
        break;
      case FieldId.mountPoint:
        mountPoint = pathOf(wire, field);
        break;
      case FieldId.mountRoot:
        mountRoot = pathOf(wire, field);
        break;
      case FieldId.base:
        base = pathOf(wire, field);
        break;
      case FieldId.toBase:
        toBase = pathOf(wire, field);
        break;
      case FieldId.root:
        root = pathOf(wire, field);
        break;
    }
  }
  const mount = mountAt < 0 ? null : readMount(wire, mountAt, mountPoint, mountRoot);
  return { file, made, mount, value, base, toBase, root };
}

function readFile(wire: Wire, at: number): FileName {
  return {
    file: wire.u64(at + FILE.file),
    object: wire.u64(at + FILE.object),
    made: wire.u64(at + FILE.made),
  };
}

function readMount(wire: Wire, at: number, mountPoint: string | null, root: string | null): MountRecord {
  return {
    id: wire.u64(at + MOUNT.id),
    object: wire.u64(at + MOUNT.object),
    nsId: wire.u64(at + MOUNT.ns_id),
    before: wire.u64(at + MOUNT.before),
    ns: wire.u32(at + MOUNT.ns),
    oldId: wire.u32(at + MOUNT.old_id),
    parent: wire.u32(at + MOUNT.parent),
    flags: wire.u32(at + MOUNT.flags),
    sbFlags: wire.u32(at + MOUNT.sb_flags),
    mounts: wire.u32(at + MOUNT.mounts),
    mountPoint,
    root,
  };
}

/** Null for a path that is cut, cannot be read or does not lead to the root it is seen from. */
function pathOf(wire: Wire, { status, at, length }: Field): string | null {
  return status === Status.ok ? readPath(wire.bytes, at, at + length) : null;
}
