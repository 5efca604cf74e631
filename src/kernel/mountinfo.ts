import { KeyholeError } from "../errors.js";
import type { HostPath } from "./host-path.js";
import { close, open, poll, read, readFile, type SysResult } from "./libc.js";
import { MountWords } from "./mount-words.js";

export { unescapeOctal } from "./mount-words.js";

/** The optional fields of a line: peer groups and the like (mount_namespaces(7)). */
export interface Propagation {
  /** Id of the peer group the mount shares events with. */
  readonly shared?: number;
  /** Id of the peer group the mount receives events from. */
  readonly master?: number;
  /** Id of the nearest peer group below the process's root, where `master` is not visible to it. */
  readonly propagateFrom?: number;
  readonly unbindable?: true;
}

/** One line of /proc/PID/mountinfo (proc_pid_mountinfo(5)), its octal escapes undone. */
export interface Mount {
  readonly id: number;
  readonly parent: number;
  /** `major:minor` of the superblock. */
  readonly dev: string;
  /** The directory of the filesystem that is mounted, without the mark of a deleted one. */
  readonly root: string;
  /** The directory it is mounted on, relative to the root of the process that was read. */
  readonly point: string;
  /** The options of the mount: `rw`, `nosuid`, `relatime`, … */
  readonly options: readonly string[];
  readonly propagation: Propagation;
  /** With its subtype: `fuse.sshfs`. */
  readonly fsType: string;
  readonly source: string;
  /** The options of the superblock, which all its mounts share. */
  readonly superOptions: readonly string[];
  /** Present when the directory that `root` names was deleted or, for a bind of a file, replaced. */
  readonly deleted?: true;
  /** The exact bytes of the fields that are not UTF-8; the strings above carry U+FFFD there. */
  readonly raw?: { readonly [field in RawField]?: Buffer };
  /**
   * The id that is never reused (Linux 6.8), decimal; mountinfo itself has only the short ids, so that listmount(2)
   * must have been asked as well.
   */
  readonly uniqueId?: string;
  /** Of an idmapped mount, where the kernel tells (statmount(2), Linux 6.15). */
  readonly idmap?: MountIdmap;
}

/** The lines of the maps of an idmapped mount as statmount(2) writes them: `inside outside count`. */
export interface MountIdmap {
  readonly uid: readonly string[];
  readonly gid: readonly string[];
}

type RawField = "root" | "point" | "fsType" | "source";

/**
 * Reads the text of /proc/PID/mountinfo, of which it keeps nothing. A last line without its newline (the file was
 * cut) and a line that is not of the kernel's format are left out, and so is what comes after `limit` mounts.
 * Tables that are read with the same `words` share what is equal in them.
 */
export function parseMountinfo(
  bytes: Buffer,
  words = new MountWords(),
  limit = Number.POSITIVE_INFINITY,
): Mount[] {
  return parse(bytes.toString("latin1"), words, limit, null);
}

/**
 * `text` has one character a byte: what is not ASCII is decoded field by field. `uniqueIds` are those of the lines.
 */
function parse(text: string, words: MountWords, limit: number, uniqueIds: readonly number[] | null): Mount[] {
  const mounts: Mount[] = [];
  words.begin();
  for (let start = 0; mounts.length < limit; ) {
    const end = text.indexOf("\n", start);
    if (end < 0) break;
    const uniqueId = uniqueIds?.[mounts.length];
    const mount = readLine(text, start, end, words, uniqueId === undefined ? undefined : `${uniqueId}`);
    if (mount !== null) mounts.push(mount);
    start = end + 1;
  }
  return mounts;
}

/**
 *     36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue
 *     id parent dev root point options optional… - type source super-options
 */
function readLine(
  text: string,
  start: number,
  end: number,
  words: MountWords,
  uniqueId: string | undefined,
): Mount | null {
  const parentAt = text.indexOf(" ", start) + 1;
  const devAt = text.indexOf(" ", parentAt) + 1;
  const rootAt = text.indexOf(" ", devAt) + 1;
  if (parentAt === 0 || devAt === 0 || rootAt === 0 || rootAt > end) return null;
  const id = Number(text.slice(start, parentAt - 1));
  const parent = Number(text.slice(parentAt, devAt - 1));
  const rest = id >= 0 && parent >= 0 ? words.rest(text, rootAt, end) : null;
  if (rest === null) return null;
  const dev = words.text(text.slice(devAt, rootAt - 1));
  // Written out, so that nearly all mounts are of one shape and as small as can be.
  const { root, point, options, propagation, fsType, source, superOptions } = rest;
  const mount: Mount =
    uniqueId === undefined
      ? { id, parent, dev, root, point, options, propagation, fsType, source, superOptions }
      : { id, parent, dev, root, point, options, propagation, fsType, source, superOptions, uniqueId };
  return rest.deleted === undefined && rest.raw === undefined ? mount : { ...mount, ...rest };
}

/**
 * The mount table that `pid` sees; null when the process is gone, or is a zombie, which has none. Throws
 * KEYHOLE_MOUNTINFO when it is there but may not be read (EACCES, EPERM: hidepid or a security module).
 */
export function readMountinfo(host: HostPath, pid: number): Mount[] | null {
  const path = host.proc(pid, "mountinfo");
  const bytes = readFile(path);
  if (bytes.ok) {
    const mounts = parseMountinfo(bytes.value);
    return mounts.length === 0 ? null : mounts;
  }
  // mounts_open_common() of fs/proc_namespace.c: EINVAL when the task has no mount namespace any more, ENOENT
  // when it has no root.
  if (bytes.errno === "ENOENT" || bytes.errno === "ESRCH" || bytes.errno === "EINVAL") return null;
  throw new KeyholeError(`cannot read ${path}`, {
    code: "KEYHOLE_MOUNTINFO",
    expected: "a readable mount table",
    found: bytes.errno,
    hint: "run as root on the host's own /proc, mounted without hidepid",
  });
}

/** A reading of a mount table that may have been under way while the table changed. */
export interface MountinfoReading {
  readonly mounts: Mount[];
  /** Whether a mount came, went or got other attributes meanwhile. */
  readonly changed: boolean;
  /** Whether there is more than was asked for. */
  readonly cut: boolean;
}

const BUFFER = 65536;
/** More than a line mostly has, so that a table can be cut before all of it is read. */
const LINE = 512;
let buffer = Buffer.alloc(BUFFER);

/**
 * Reads at most `limit` mounts of the table that `pid` sees. The kernel gives a few thousand bytes a read(2), which are
 * of one moment, and lets the table change in between; poll(2) on the file tells that it did (mounts_poll() of
 * fs/proc_namespace.c).
 * `listIds` gives the unique ids of a table of so many lines, in their order; null where it has none. Errors are those of open(2) and read(2): ENOENT, ESRCH and EINVAL when the process is gone or a zombie.
 */
export function readMountinfoOnce(
  host: HostPath,
  pid: number,
  words: MountWords,
  limit: number,
  listIds: (lines: number) => readonly number[] | null,
): SysResult<MountinfoReading> {
  const opened = open(host.proc(pid, "mountinfo"));
  if (!opened.ok) return opened;
  try {
    let length = 0;
    let parts = 0;
    let ended = false;
    while (!ended && length < limit * LINE) {
      if (length === buffer.length) buffer = Buffer.concat([buffer], 2 * buffer.length);
      const part = read(opened.value, length === 0 ? buffer : buffer.subarray(length));
      if (!part.ok && part.errno !== "EINTR") return part;
      if (part.ok) {
        length += part.value;
        ended = part.value === 0;
        if (!ended) parts++;
      }
    }
    const polled = parts > 1 ? poll(opened.value, POLLPRI | POLLERR) : null;
    const text = buffer.toString("latin1", 0, length);
    const ids = ended ? listIds(text.match(/\n/g)?.length ?? 0) : null;
    const mounts = parse(text, words, limit + 1, ids);
    const cut = !ended || mounts.length > limit;
    if (cut) mounts.length = Math.min(mounts.length, limit);
    return { ok: true, value: { mounts, changed: polled?.ok === true && polled.value !== 0, cut } };
  } finally {
    close(opened.value);
    // One huge mount table does not keep its memory for good.
    if (buffer.length > BUFFER) buffer = Buffer.alloc(BUFFER);
  }
}

/** asm-generic/poll.h. */
const POLLPRI = 2;
const POLLERR = 8;
