import { isAscii, isUtf8 } from "node:buffer";
import { KeyholeError } from "../errors.js";
import type { HostPath } from "./host-path.js";
import { readFile } from "./libc.js";

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
}

const RAW_FIELDS = ["root", "point", "fsType", "source"] as const;
type RawField = (typeof RAW_FIELDS)[number];

/**
 * Reads the text of /proc/PID/mountinfo. A last line without its newline (the file was cut) and a line that is
 * not of the kernel's format are left out.
 */
export function parseMountinfo(bytes: Buffer): Mount[] {
  // One character a byte: offsets stay those of the file, and what is not ASCII is decoded field by field.
  const parser = new MountinfoParser(bytes.toString("latin1"), isAscii(bytes));
  const mounts: Mount[] = [];
  while (parser.more()) {
    const mount = parser.line();
    if (mount !== null) mounts.push(mount);
  }
  return mounts;
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

/**
 *     36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue
 *     id parent dev root point options optional… - type source super-options
 *
 * Walks over the text with one cursor: tables of thousands of lines are read often. One array is kept for
 * every distinct option field, of which a thousand mounts have about a dozen.
 */
class MountinfoParser {
  readonly #text: string;
  readonly #ascii: boolean;
  readonly #options = new Map<string, readonly string[]>();
  readonly #propagations = new Map<string, Propagation>();
  #cursor = 0;
  #lineEnd = 0;

  constructor(text: string, ascii: boolean) {
    this.#text = text;
    this.#ascii = ascii;
  }

  /** Moves on to the next whole line. */
  more(): boolean {
    this.#lineEnd = this.#text.indexOf("\n", this.#cursor);
    return this.#lineEnd >= 0;
  }

  line(): Mount | null {
    const id = Number(this.#field());
    const parent = Number(this.#field());
    const dev = this.#field();
    const root = this.#field();
    const point = this.#field();
    const options = this.#field();
    // The kernel escapes spaces within fields, so that this cannot be part of one.
    const separator = this.#text.indexOf(" - ", this.#cursor - 1);
    if (separator < 0 || separator >= this.#lineEnd || !Number.isInteger(id) || !Number.isInteger(parent)) {
      this.#cursor = this.#lineEnd + 1;
      return null;
    }
    const optional = this.#text.slice(this.#cursor, separator);
    this.#cursor = separator + 3;
    const fsType = this.#field();
    const source = this.#field();
    const superOptions = this.#text.slice(this.#cursor, this.#lineEnd);
    this.#cursor = this.#lineEnd + 1;

    const mount: Mount = {
      id,
      parent,
      dev,
      root: this.#decode(root),
      point: this.#decode(point),
      options: this.#optionList(options),
      propagation: this.#propagation(optional),
      fsType: this.#decode(fsType),
      source: this.#decode(source),
      superOptions: this.#optionList(superOptions),
    };
    const marked = mount.root.endsWith(DELETED) ? withoutDeletedMark(mount) : mount;
    return this.#ascii && !root.includes("\\") && !point.includes("\\") && !source.includes("\\")
      ? marked
      : withRaw(marked, { root, point, fsType, source });
  }

  /** The text up to the next space of the line. */
  #field(): string {
    const space = this.#text.indexOf(" ", this.#cursor);
    const end = space < 0 || space > this.#lineEnd ? this.#lineEnd : space;
    const field = this.#text.slice(this.#cursor, end);
    this.#cursor = Math.min(end + 1, this.#lineEnd);
    return field;
  }

  #decode(field: string): string {
    if (this.#ascii && !field.includes("\\")) return field;
    return Buffer.from(unescapeOctal(field), "latin1").toString("utf8");
  }

  #optionList(field: string): readonly string[] {
    const known = this.#options.get(field);
    if (known !== undefined) return known;
    // A comma within a value is escaped (seq_show_option() of include/linux/seq_file.h), but for the security
    // modules' options, which stand in quotes when they have one (security_sb_show_options()).
    const words = field.match(/(?:[^,"]|"[^"]*"|")+/g) ?? [];
    const options = words.map((word) => this.#decode(word));
    this.#options.set(field, options);
    return options;
  }

  #propagation(field: string): Propagation {
    const known = this.#propagations.get(field);
    if (known !== undefined) return known;
    const propagation: { -readonly [key in keyof Propagation]: Propagation[key] } = {};
    for (const tag of field.split(" ")) {
      const [name, value] = tag.split(":", 2);
      if (name === "shared") propagation.shared = Number(value);
      else if (name === "master") propagation.master = Number(value);
      else if (name === "propagate_from") propagation.propagateFrom = Number(value);
      else if (name === "unbindable") propagation.unbindable = true;
    }
    this.#propagations.set(field, propagation);
    return propagation;
  }
}

/** What seq_dentry() puts after the path of an unlinked directory or file; no real path has two slashes. */
const DELETED = "//deleted";

function withoutDeletedMark(mount: Mount): Mount {
  return { ...mount, root: mount.root.slice(0, -DELETED.length), deleted: true };
}

function withRaw(mount: Mount, fields: { readonly [name in RawField]: string }): Mount {
  const raw: { [name in RawField]?: Buffer } = {};
  for (const name of RAW_FIELDS) {
    const bytes = Buffer.from(unescapeOctal(fields[name]), "latin1");
    if (!isUtf8(bytes)) raw[name] = bytes;
  }
  return Object.keys(raw).length === 0 ? mount : { ...mount, raw };
}

/** Undoes mangle_path() of fs/seq_file.c: `\040` is a space. `text` has one character a byte. */
export function unescapeOctal(text: string): string {
  if (!text.includes("\\")) return text;
  return text.replace(/\\([0-3][0-7]{2})/g, (_, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  );
}
