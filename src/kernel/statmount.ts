import koffi from "koffi";
import { errnoName } from "./errno.js";
import type { SysResult } from "./libc.js";
import { mountNamespaceId, withNamespace } from "./nsfs.js";

/**
 * listmount(2) and statmount(2), include/uapi/linux/mount.h, Linux 6.8; of a mount namespace that is not the caller's
 * by its id, which needs no descriptor and enters nothing, 6.11. Thin: what came later is asked for by its bit of
 * `mask`, and the mask that comes back says what the kernel told.
 */
const SYS_STATMOUNT = 457;
const SYS_LISTMOUNT = 458;

/** Linux 6.8. */
export const STATMOUNT_SB_BASIC = 0x1;
export const STATMOUNT_MNT_BASIC = 0x2;
export const STATMOUNT_MNT_ROOT = 0x8;
export const STATMOUNT_MNT_POINT = 0x10;
export const STATMOUNT_FS_TYPE = 0x20;
/** Linux 6.11. */
export const STATMOUNT_MNT_OPTS = 0x80;
/** Linux 6.13. */
export const STATMOUNT_FS_SUBTYPE = 0x100;
export const STATMOUNT_SB_SOURCE = 0x200;
/** Linux 6.15. */
const STATMOUNT_SUPPORTED_MASK = 0x1000;
export const STATMOUNT_MNT_UIDMAP = 0x2000;
export const STATMOUNT_MNT_GIDMAP = 0x4000;

/** Stands for the root of the namespace. */
const LSMT_ROOT = 0xffff_ffff_ffff_ffffn;
/** struct mnt_id_req with the id of a namespace: Linux 6.11. */
const MNT_ID_REQ_SIZE_VER1 = 32;
/** struct statmount, which strings follow. */
const STRINGS = 512;
/** The kernel takes no more ids at once (do_listmount() of fs/namespace.c). */
const MOST_IDS = 1_000_000;

/** Options of a megabyte are nobody's. */
const LARGEST = 1 << 20;

const libc = koffi.load(null);
const pointer = () => koffi.pointer("uint8_t");
const cStatmount: (number: number, req: Uint8Array, out: Uint8Array, size: number, flags: number) => number =
  libc.func("syscall", "long", ["long", pointer(), koffi.out(pointer()), "size_t", "unsigned int"]);

/** struct mnt_id_req: size and descriptor, mount id, parameter, namespace id. */
const request = new BigUint64Array([BigInt(MNT_ID_REQ_SIZE_VER1), 0n, 0n, 0n]);
const requestBytes = new Uint8Array(request.buffer);
const FEW = 1024;
/** Each id is two of these, the lower half first. */
let ids = new Uint32Array(2 * FEW);
let answer = Buffer.alloc(8192);

/**
 * The unique ids of all mounts of mount namespace `ns` that are reachable from its root, in ascending order, which is
 * the order of mountinfo too. ENOENT: no such namespace, or not allowed; ENOSYS and EINVAL: the kernel is older.
 * Up to Linux 6.19 the list is cut without a word where the namespace's own root has not been mounted over (a host
 * that lives in its initramfs): compare with NS_MNT_GET_INFO's count.
 */
export function listMounts(ns: bigint): SysResult<readonly number[]> {
  request[1] = LSMT_ROOT;
  request[2] = 0n;
  request[3] = ns;
  for (;;) {
    const room = Math.min(ids.length / 2, MOST_IDS);
    const count = cStatmount(SYS_LISTMOUNT, requestBytes, new Uint8Array(ids.buffer), room, 0);
    if (count < 0) return failure();
    if (count < room || room === MOST_IDS) return { ok: true, value: idsOf(count) };
    ids = new Uint32Array(2 * ids.length);
  }
}

/** As numbers, which are exact: the kernel counts up from 2^31 and will not get to 2^53. */
function idsOf(count: number): number[] {
  const list: number[] = [];
  for (let at = 0; at < 2 * count; at += 2) list.push(ids[at]! + 2 ** 32 * ids[at + 1]!);
  if (ids.length > 2 * FEW) ids = new Uint32Array(2 * FEW);
  return list;
}

function readNumber(bytes: Buffer, at: number): number {
  return bytes.readUInt32LE(at) + 2 ** 32 * bytes.readUInt32LE(at + 4);
}

/** What statmount(2) told of a mount. The numbers are as the kernel has them; strings have one character a byte. */
export class MountStat {
  readonly #bytes: Buffer;

  /** `bytes`: a struct statmount with its strings. */
  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get mask(): number {
    return this.#bytes.readUInt32LE(8);
  }
  /** `major:minor` of the superblock. */
  get dev(): string {
    return `${this.#bytes.readUInt32LE(16)}:${this.#bytes.readUInt32LE(20)}`;
  }
  /** SB_* of include/linux/fs.h. */
  get superFlags(): number {
    return this.#bytes.readUInt32LE(32);
  }
  get uniqueId(): number {
    return readNumber(this.#bytes, 40);
  }
  get uniqueParent(): number {
    return readNumber(this.#bytes, 48);
  }
  /** The ids of mountinfo. */
  get id(): number {
    return this.#bytes.readUInt32LE(56);
  }
  get parent(): number {
    return this.#bytes.readUInt32LE(60);
  }
  /** MOUNT_ATTR_*. */
  get attributes(): number {
    return this.#bytes.readUInt32LE(64);
  }
  /** MS_SHARED, MS_SLAVE and the like. */
  get propagation(): number {
    return this.#bytes.readUInt32LE(72);
  }
  get peerGroup(): number {
    return this.#bytes.readUInt32LE(80);
  }
  get master(): number {
    return this.#bytes.readUInt32LE(88);
  }
  /** 0 where there is none; of a foreign namespace always, since it is counted from the caller's own root. */
  get propagateFrom(): number {
    return this.#bytes.readUInt32LE(96);
  }
  get fsType(): string {
    return this.#string(STATMOUNT_FS_TYPE, 36);
  }
  get fsSubtype(): string {
    return this.#string(STATMOUNT_FS_SUBTYPE, 120);
  }
  /** With its mark, if it is a deleted directory. */
  get root(): string {
    return this.#string(STATMOUNT_MNT_ROOT, 104);
  }
  /** From the root of the namespace; empty where it cannot be reached from there. */
  get point(): string {
    return this.#string(STATMOUNT_MNT_POINT, 108);
  }
  get source(): string {
    return this.#string(STATMOUNT_SB_SOURCE, 124);
  }
  /** Separated by commas, with octal escapes; without `rw` and the other flags of the superblock. */
  get superOptions(): string {
    return this.#string(STATMOUNT_MNT_OPTS, 4);
  }
  get supportedMask(): number {
    return (this.mask & STATMOUNT_SUPPORTED_MASK) === 0 ? 0 : this.#bytes.readUInt32LE(144);
  }
  /** The lines of the maps of an idmapped mount. */
  get uidMap(): readonly string[] {
    return this.#strings(STATMOUNT_MNT_UIDMAP, 152);
  }
  get gidMap(): readonly string[] {
    return this.#strings(STATMOUNT_MNT_GIDMAP, 160);
  }

  #string(bit: number, field: number): string {
    if ((this.mask & bit) === 0) return "";
    const start = STRINGS + this.#bytes.readUInt32LE(field);
    return this.#bytes.toString("latin1", start, this.#bytes.indexOf(0, start));
  }

  #strings(bit: number, field: number): string[] {
    if ((this.mask & bit) === 0) return [];
    let at = STRINGS + this.#bytes.readUInt32LE(field + 4);
    return Array.from({ length: this.#bytes.readUInt32LE(field) }, () => {
      const end = this.#bytes.indexOf(0, at);
      const line = this.#bytes.toString("latin1", at, end);
      at = end + 1;
      return line;
    });
  }
}

/**
 * What `mask` asks for of the mount with the unique id `mount` in namespace `ns`; valid until the next call. ENOENT: no
 * such mount or namespace; EPERM (ENOENT on 6.17 and 6.18): the namespace is not of a user namespace that the
 * caller governs.
 */
export function statMount(ns: bigint, mount: number, mask: number): SysResult<MountStat> {
  request[1] = BigInt(mount);
  request[2] = BigInt(mask);
  request[3] = ns;
  for (;;) {
    if (cStatmount(SYS_STATMOUNT, requestBytes, answer, answer.length, 0) === 0) {
      return { ok: true, value: new MountStat(answer) };
    }
    const failed = failure();
    if (failed.errno !== "EOVERFLOW" || answer.length >= LARGEST) return failed;
    answer = Buffer.alloc(2 * answer.length);
  }
}

let supported: number | null = null;

/**
 * The bits of `mask` that this kernel knows; 0 where it has no statmount(2) of foreign namespaces. Before Linux 6.15
 * it does not say so itself, and what it tells of the agent's own mounts is taken for it.
 */
export function statmountMask(): number {
  if (supported !== null) return supported;
  supported = 0;
  const ns = withNamespace("/proc/self/ns/mnt", mountNamespaceId);
  const listed = ns.ok ? listMounts(ns.value) : ns;
  if (!ns.ok || !listed.ok) return supported;
  for (const mount of listed.value) {
    const stat = statMount(ns.value, mount, 0x7fff);
    if (!stat.ok) continue;
    if (stat.value.supportedMask !== 0) {
      supported = stat.value.supportedMask;
      break;
    }
    supported |= stat.value.mask;
  }
  return supported;
}

function failure(): { readonly ok: false; readonly errno: string } {
  return { ok: false, errno: errnoName(koffi.errno()) };
}
