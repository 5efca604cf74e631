import { closeSync, openSync } from "node:fs";
import type { BpfObject } from "@keyhole/libbpf";
import { readSuperblock } from "../capture/target.js";
import { SUPERBLOCK, Wire } from "../capture/wire.js";
import type { HostPath } from "../kernel/host-path.js";

/** A procfs instance: whose pids it shows, and its options, as the kernel's own superblock has them. */
export interface ProcfsSuperblock {
  /** major:minor as in mountinfo. Minors are recycled after the last umount. */
  readonly dev: string;
  /** Inode number of the pid namespace whose processes it shows. */
  readonly pidNs: number;
  /** 0 for the initial pid namespace, one more for each level below it. */
  readonly pidLevel: number;
  /** Inode number of the user namespace that owns it. */
  readonly userNs: number;
  readonly hidepid: "off" | "noaccess" | "invisible" | "ptraceable";
  readonly gid: number;
  readonly subset: "pid" | null;
}

export interface ProcfsSuperblockList {
  readonly superblocks: readonly ProcfsSuperblock[];
  /** False when the kernel's list changed at every attempt to read it. */
  readonly complete: boolean;
}

/** struct chunk of bpf/superblocks.h */
const CHUNK = { count: 0, state: 4, next: 8, superblocks: 16 } as const;
const MORE = 1;
const TORN = 2;
const ATTEMPTS = 5;

/**
 * Every procfs superblock of the node, mounted anywhere, detached or held by the kernel itself: read from
 * the kernel's list by BPF, so that no path inside a container is touched.
 */
export class ProcfsSuperblocks {
  readonly #object: BpfObject;
  readonly #wire: Wire;
  readonly #fd: number;

  /** `object` is the loaded object of bpf/probes.bpf.c. Throws LibbpfError where its program does not run. */
  constructor(object: BpfObject, host: HostPath) {
    this.#object = object;
    this.#wire = new Wire(new Uint8Array(object.map("chunks").mmap()));
    this.#fd = openSync(host.proc(), "r");
    try {
      this.read();
    } catch (error) {
      this.close();
      throw error;
    }
  }

  read(): ProcfsSuperblockList {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const superblocks = this.#walk();
      if (superblocks !== null) return { superblocks, complete: true };
    }
    return { superblocks: this.#walk() ?? [], complete: false };
  }

  close(): void {
    closeSync(this.#fd);
  }

  /** One walk along the list; null when a superblock left it meanwhile. */
  #walk(): ProcfsSuperblock[] | null {
    const program = this.#object.program("procfs_superblocks");
    const found: ProcfsSuperblock[] = [];
    let next = 0n;
    for (;;) {
      program.testRun([BigInt(this.#fd), next]);
      const state = this.#wire.u32(CHUNK.state);
      if (state === TORN) return null;
      const count = this.#wire.u32(CHUNK.count);
      for (let index = 0; index < count; index++) {
        const { dev, userNs, procfs } = readSuperblock(
          this.#wire,
          CHUNK.superblocks + index * SUPERBLOCK.sizeof,
        );
        if (procfs !== null) found.push({ dev, userNs, ...procfs });
      }
      if (state !== MORE) return found;
      next = this.#wire.u64(CHUNK.next);
    }
  }
}
