import koffi from "koffi";
import { errnoName } from "./errno.js";
import { O_CLOEXEC, type SysResult } from "./libc.js";

/**
 * listns(2), include/uapi/linux/nsfs.h, Linux 6.19, and how a namespace that it lists is opened: by a file handle
 * of nsfs (struct nsfs_file_handle), which needs no path. Both need CAP_SYS_ADMIN in the initial namespaces.
 */
const SYS_LISTNS = 470;
/** struct ns_id_req: its first size. */
const NS_ID_REQ_SIZE = 32;
const LAST_ID = 8;
/** struct file_handle with a struct nsfs_file_handle behind it. */
const FILEID_NSFS = 0xf1;
const HANDLE_HEAD = 8;
const HANDLE_BYTES = 16;
/** In place of a descriptor of the mount: include/uapi/linux/fcntl.h. */
const FD_NSFS_ROOT = -10003;

const ROOM = 1024;

const libc = koffi.load(null);
const pointer = () => koffi.pointer("uint8_t");
const cListns: (number: number, request: Uint8Array, ids: Uint8Array, room: number, flags: number) => number =
  libc.func("syscall", "long", ["long", pointer(), koffi.out(pointer()), "size_t", "unsigned int"]);
const cOpenByHandle: (fd: number, handle: Uint8Array, flags: number) => number = libc.func(
  "open_by_handle_at",
  "int",
  ["int", pointer(), "int"],
);

/**
 * The unique ids of all namespaces that somebody uses, of all types, in ascending order. ENOSYS: the kernel is older;
 * EPERM: not allowed.
 */
export function listNamespaces(): SysResult<readonly bigint[]> {
  const request = Buffer.alloc(NS_ID_REQ_SIZE);
  request.writeUInt32LE(NS_ID_REQ_SIZE, 0);
  const ids = Buffer.alloc(8 * ROOM);
  const listed: bigint[] = [];
  for (;;) {
    const count = cListns(SYS_LISTNS, request, ids, ROOM, 0);
    if (count < 0) return failure();
    for (let at = 0; at < count; at++) listed.push(ids.readBigUInt64LE(8 * at));
    if (count < ROOM) return { ok: true, value: listed };
    request.writeBigUInt64LE(listed.at(-1)!, LAST_ID);
  }
}

/**
 * A descriptor of the namespace with that unique id, which the caller closes. ESTALE: it has ended, or is out of reach;
 * EBADF: the kernel is older than 6.18, and before 6.19 the id alone does not do (EINVAL or ESTALE).
 */
export function openNamespaceById(id: bigint): SysResult {
  const handle = Buffer.alloc(HANDLE_HEAD + HANDLE_BYTES);
  handle.writeUInt32LE(HANDLE_BYTES, 0);
  handle.writeInt32LE(FILEID_NSFS, 4);
  handle.writeBigUInt64LE(id, HANDLE_HEAD);
  const fd = cOpenByHandle(FD_NSFS_ROOT, handle, O_CLOEXEC);
  return fd < 0 ? failure() : { ok: true, value: fd };
}

function failure(): { readonly ok: false; readonly errno: string } {
  return { ok: false, errno: errnoName(koffi.errno()) };
}
