import { type BpfLink, type BpfObject, LibbpfError } from "@keyhole/libbpf";

/** An open file that a mount is made with, as the kernel knows it. */
export interface MountFile {
  /** Address of the struct file. */
  readonly file: bigint;
  /** Address of the fs context or the vfsmount behind it. */
  readonly object: bigint;
}

/** A descriptor of such a file. */
export interface Holder {
  readonly file: bigint;
  readonly pid: number;
  readonly fd: number;
}

/** struct asked and struct held of bpf/files.h */
const ASKED = { size: 24, count: 256 } as const;
const HELD = { file: 0, pid: 8, fd: 12, size: 16 } as const;

/** Whether the files that unfinished mounts hang on still exist, and who holds them: see bpf/files.h. */
export class MountFiles {
  readonly #object: BpfObject;
  readonly #asked: BigUint64Array;
  #link: BpfLink | null = null;
  #noHolders = false;

  /** `object` is the loaded object of bpf/probes.bpf.c. */
  constructor(object: BpfObject) {
    this.#object = object;
    this.#asked = new BigUint64Array(object.map("asked_files").mmap());
  }

  /** For each file whether anything in the kernel still refers to it, a message in flight included. Throws LibbpfError. */
  alive(files: readonly MountFile[]): boolean[] {
    const program = this.#object.program("files_alive");
    const words = ASKED.size / 8;
    const alive: boolean[] = [];
    for (let start = 0; start < files.length; start += ASKED.count) {
      const some = files.slice(start, start + ASKED.count);
      for (const [index, { file, object }] of some.entries()) {
        this.#asked.set([file, object, 0n], index * words);
      }
      program.testRun([BigInt(some.length)]);
      for (const index of some.keys()) alive.push(this.#asked[index * words + 2] !== 0n);
    }
    return alive;
  }

  /** Every descriptor of these files, of every process; null where the kernel refuses the iterator. */
  holders(files: readonly MountFile[]): Holder[] | null {
    const link = this.#iterator();
    if (link === null) return null;
    const wanted = this.#object.map("wanted_files");
    const keys = files.map(({ file }) => keyOf(file));
    for (const key of keys) wanted.update(key, key);
    const bytes = link.read();
    for (const key of keys) wanted.delete(key);
    const holders: Holder[] = [];
    for (let at = 0; at + HELD.size <= bytes.length; at += HELD.size) {
      holders.push({
        file: bytes.readBigUInt64LE(at + HELD.file),
        pid: bytes.readUInt32LE(at + HELD.pid),
        fd: bytes.readUInt32LE(at + HELD.fd),
      });
    }
    return holders;
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

function keyOf(file: bigint): Uint8Array {
  return new Uint8Array(BigUint64Array.of(file).buffer);
}
