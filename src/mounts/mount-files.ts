import { type BpfLink, type BpfObject, LibbpfError } from "@keyhole/libbpf";

/** An open file that a mount is made with, as the kernel knows it. */
export interface MountFile {
  /** Address of the struct file. */
  readonly file: bigint;
  /** Address of the fs context or the vfsmount behind it. */
  readonly object: bigint;
  /** The unique id of that mount; 0n for an fs context, and before Linux 6.8. */
  readonly mount: bigint;
}

export interface FileState {
  /** Something in the kernel refers to the file, a message in flight included. */
  readonly alive: boolean;
  /** Its mount is in a mount namespace. */
  readonly attached: boolean;
}

export const NOWHERE: FileState = { alive: false, attached: false };

/** A descriptor of such a file, or of another one on the same mount. */
export interface Holder {
  readonly file: bigint;
  /** The vfsmount that it is on, where the file itself was not asked for; else 0n. */
  readonly object: bigint;
  readonly pid: number;
  readonly fd: number;
}

/** struct asked and struct held of bpf/files.h */
const ASKED = { words: 4, state: 3, count: 64 } as const;
const HELD = { file: 0, object: 8, pid: 16, fd: 20, size: 24 } as const;
/** enum asked_state */
const ALIVE = 1n;
const ATTACHED = 2n;
/** All descriptors of a node are many: looking at them takes at most this share of the time. */
const SHARE = 1 / 20;

/** Whether the files that unfinished mounts hang on still exist, and who holds them: see bpf/files.h. */
export class MountFiles {
  readonly #object: BpfObject;
  readonly #asked: BigUint64Array;
  #link: BpfLink | null = null;
  #noHolders = false;
  #restsUntil = 0;

  /** `object` is the loaded object of bpf/probes.bpf.c. */
  constructor(object: BpfObject) {
    this.#object = object;
    this.#asked = new BigUint64Array(object.map("asked_files").mmap());
  }

  /** What has become of each file. Throws LibbpfError. */
  states(files: readonly MountFile[]): FileState[] {
    const program = this.#object.program("files_alive");
    const states: FileState[] = [];
    for (let start = 0; start < files.length; start += ASKED.count) {
      const some = files.slice(start, start + ASKED.count);
      for (const [index, { file, object, mount }] of some.entries()) {
        this.#asked.set([file, object, mount, 0n], index * ASKED.words);
      }
      program.testRun([BigInt(some.length)]);
      for (const index of some.keys()) {
        const state = this.#asked[index * ASKED.words + ASKED.state]!;
        states.push({ alive: (state & ALIVE) !== 0n, attached: (state & ATTACHED) !== 0n });
      }
    }
    return states;
  }

  /** Whether {@link holders} has not been asked too much. */
  get mayAskHolders(): boolean {
    return performance.now() >= this.#restsUntil;
  }

  /**
   * Every descriptor of these files, and of others on their mounts, of every process; null where the kernel refuses the
   * iterator. Working directories, mappings and messages in flight are not among them. Throws LibbpfError.
   */
  holders(files: readonly MountFile[]): Holder[] | null {
    const link = this.#iterator();
    if (link === null) return null;
    const start = performance.now();
    const wanted = this.#object.map("wanted_files");
    const keys: Uint8Array[] = [];
    const want = (address: bigint, behind: bigint, id: bigint) => {
      const key = bytesOf(address);
      wanted.update(key, bytesOf(behind, id));
      keys.push(key);
    };
    for (const { file, object, mount } of files) {
      want(file, object, 0n);
      if (mount !== 0n) want(object, 0n, mount);
    }
    const bytes = link.read();
    for (const key of keys) wanted.delete(key);
    const end = performance.now();
    this.#restsUntil = end + (end - start) / SHARE;
    return readHolders(bytes);
  }

  close(): void {
    this.#link?.detach();
  }

  #iterator(): BpfLink | null {
    if (this.#link !== null || this.#noHolders) return this.#link;
    try {
      this.#link = this.#object.program("holders").attachIter();
    } catch (error) {
      if (!(error instanceof LibbpfError)) throw error;
      this.#noHolders = true;
    }
    return this.#link;
  }
}

function readHolders(bytes: Buffer): Holder[] {
  const holders: Holder[] = [];
  for (let at = 0; at + HELD.size <= bytes.length; at += HELD.size) {
    holders.push({
      file: bytes.readBigUInt64LE(at + HELD.file),
      object: bytes.readBigUInt64LE(at + HELD.object),
      pid: bytes.readUInt32LE(at + HELD.pid),
      fd: bytes.readUInt32LE(at + HELD.fd),
    });
  }
  return holders;
}

function bytesOf(...words: readonly bigint[]): Uint8Array {
  return new Uint8Array(BigUint64Array.of(...words).buffer);
}
