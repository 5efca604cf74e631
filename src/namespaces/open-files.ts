import { type BpfLink, type BpfObject, LibbpfError } from "@keyhole/libbpf";
import { readId, readNamespaces, readType } from "../capture/namespace-facts.js";
import { OPEN_FILE, OpenFlag, Wire } from "../capture/wire.js";
import type { NsType } from "../kernel/links.js";
import type { NamespaceFacts } from "./facts.js";

/** A descriptor that keeps a namespace alive, of any process but this one. */
export interface NsFile {
  readonly pid: number;
  readonly fd: number;
  readonly type: NsType;
  readonly inum: number;
  readonly id: string | null;
  /** It is a socket of a network namespace that its process is not in, and not a file of the namespace. */
  readonly socket: boolean;
}

/** A descriptor, of any process but this one, of a file on a procfs mount that is in no mount table. */
export interface ProcfsFile {
  readonly pid: number;
  readonly fd: number;
  /** major:minor of the superblock, as in mountinfo. */
  readonly dev: string;
  /** The unique id of the mount, decimal; null before Linux 6.8. */
  readonly mountId: string | null;
  /** The mount is in no mount namespace, or in the anonymous one of what open_tree(2) and fsmount(2) return. */
  readonly detached: boolean;
  /** It is the root of the mount, as a descriptor of fsmount(2) is. */
  readonly root: boolean;
}

export interface OpenFiles {
  readonly ns: readonly NsFile[];
  readonly procfs: readonly ProcfsFile[];
  /** What those namespaces are, and all above them. */
  readonly namespaces: readonly NamespaceFacts[];
  /** Descriptors that were left out since their process has more than 1,024 of either kind. */
  readonly skipped: number;
}

/** struct open_limit of bpf/open-files.h */
const LIMIT_SKIPPED = 8;

/** What open files keep alive, of all processes at once: the BPF iterator of bpf/open-files.h (Linux 5.8). */
export class OpenFileReader {
  readonly #object: BpfObject;
  readonly #link: BpfLink;

  private constructor(object: BpfObject, link: BpfLink) {
    this.#object = object;
    this.#link = link;
  }

  /** `object` is the loaded object of bpf/probes.bpf.c; null where the kernel refuses its iterator. */
  static open(object: BpfObject): OpenFileReader | null {
    try {
      return new OpenFileReader(object, object.program("open_files").attachIter());
    } catch (error) {
      if (error instanceof LibbpfError) return null;
      throw error;
    }
  }

  /** Working directories, mappings and messages in flight are not among them. Throws LibbpfError. */
  read(): OpenFiles {
    const files = decode(this.#link.read());
    const limit = this.#object.getGlobal("open_limit").slice();
    return { ...files, skipped: Number(new DataView(limit.buffer).getBigUint64(LIMIT_SKIPPED, true)) };
  }

  close(): void {
    this.#link.detach();
  }
}

function decode(bytes: Buffer): Omit<OpenFiles, "skipped"> {
  const wire = new Wire(new Uint8Array(bytes));
  const ns: NsFile[] = [];
  const procfs: ProcfsFile[] = [];
  const namespaces: NamespaceFacts[] = [];
  for (let at = 0, length = 0; at < bytes.length; at += length) {
    length = wire.u32(at + OPEN_FILE.length);
    if (length < OPEN_FILE.sizeof) throw new Error(`an open file of ${length} bytes`);
    const flags = wire.u32(at + OPEN_FILE.flags);
    const pid = wire.u32(at + OPEN_FILE.pid);
    if (pid === process.pid) continue;
    const fd = wire.u32(at + OPEN_FILE.fd);
    const id = wire.u64(at + OPEN_FILE.id);
    const type = readType(wire.u32(at + OPEN_FILE.type));
    if (type === null) {
      const dev = wire.u32(at + OPEN_FILE.dev);
      procfs.push({
        pid,
        fd,
        dev: `${dev >>> 20}:${dev & 0xfffff}`,
        mountId: id === 0n ? null : String(id),
        detached: (flags & OpenFlag.detached) !== 0,
        root: (flags & OpenFlag.root) !== 0,
      });
      continue;
    }
    const inum = wire.u32(at + OPEN_FILE.inum);
    const socket = (flags & OpenFlag.socket) !== 0;
    ns.push({ pid, fd, type, inum, id: readId(type, id), socket });
    readNamespaces(wire, wire.fieldsBetween(at + OPEN_FILE.sizeof, at + length), namespaces);
  }
  return { ns, procfs, namespaces };
}
