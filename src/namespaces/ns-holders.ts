import { closeSync, openSync } from "node:fs";
import type { BpfObject } from "@keyhole/libbpf";
import { readId, readNamespaces, readType } from "../capture/namespace-facts.js";
import { type Field, FieldId, NS_MOUNT, Wire } from "../capture/wire.js";
import type { HostPath } from "../kernel/host-path.js";
import type { NsType } from "../kernel/links.js";
import type { Mount } from "../kernel/mountinfo.js";
import type { NamespaceFacts } from "./facts.js";
import { readNsName } from "./proc-open-files.js";

/** A mount that shows a namespace file: what `mount --bind /proc/PID/ns/net FILE` makes. */
export interface NsMount {
  readonly type: NsType;
  readonly inum: number;
  /** The unique id of the namespace it shows. */
  readonly id: string | null;
  /** Inode number of the mount namespace it is in; 0 while it is detached. */
  readonly ns: number;
  /** Its id in mountinfo. */
  readonly mount: number;
}

export interface NsMounts {
  readonly mounts: readonly NsMount[];
  /** What the namespaces that they show are, and all above them; none where mount tables are all there is. */
  readonly namespaces: readonly NamespaceFacts[];
  /** False when the kernel's list changed at every attempt to read it, or has more than 65,536 mounts. */
  readonly complete: boolean;
}

/** struct ns_holders of bpf/ns-holders.h, and its states */
const HEAD = { length: 0, state: 4, next: 8, sizeof: 16 } as const;
const MORE = 1;
const TORN = 2;
/** Where the record lies in struct buffer of bpf/field.h. */
const RECORD = 16;
const ATTEMPTS = 5;
/** How many mounts are taken: a container may make as many as it likes. */
const MOST_MOUNTS = 65_536;
const FIRST = new Uint8Array(4);

/**
 * What holds namespaces without process and descriptor, from lists of the kernel: mounts of their files, and procfs
 * superblocks. See bpf/ns-holders.h (Linux 5.10).
 */
export class NsHolderReader {
  readonly #object: BpfObject;
  readonly #nsfs: number;
  readonly #procfs: number;
  #reading = 0n;

  /** `object` is the loaded object of bpf/probes.bpf.c. */
  constructor(object: BpfObject, host: HostPath) {
    this.#object = object;
    this.#nsfs = openSync(host.proc("self", "ns", "mnt"), "r");
    this.#procfs = openSync(host.proc(), "r");
  }

  /**
   * Every mount of a namespace file, and what those namespaces and the ones that a procfs shows are. Throws LibbpfError,
   * each time where the programs do not run.
   */
  read(): NsMounts {
    for (let attempt = 0; ; attempt++) {
      const mounts: NsMount[] = [];
      const namespaces: NamespaceFacts[] = [];
      const enter = (wire: Wire, fields: readonly Field[]) => {
        readNamespaces(wire, fields, namespaces);
        readMounts(wire, fields, mounts);
      };
      const isFull = () => mounts.length >= MOST_MOUNTS;
      const whole =
        this.#walk("ns_mounts", this.#nsfs, enter, isFull) &&
        this.#walk("procfs_namespaces", this.#procfs, enter, () => false);
      const complete = whole && !isFull();
      if (complete || isFull() || attempt === ATTEMPTS) return { mounts, namespaces, complete };
    }
  }

  close(): void {
    closeSync(this.#nsfs);
    closeSync(this.#procfs);
  }

  /** One walk of `program` along its list, which `fd` leads to; false when an entry left it meanwhile. */
  #walk(
    program: string,
    fd: number,
    enter: (wire: Wire, fields: readonly Field[]) => void,
    isFull: () => boolean,
  ): boolean {
    const buffer = this.#object.map("inventory_buffer");
    this.#reading++;
    for (let next = 0n; ; ) {
      this.#object.program(program).testRun([BigInt(fd), next, this.#reading]);
      const wire = new Wire(buffer.lookup(FIRST)!.subarray(RECORD));
      const state = wire.u32(HEAD.state);
      if (state === TORN) return false;
      enter(wire, wire.fieldsBetween(HEAD.sizeof, wire.u32(HEAD.length)));
      if (state !== MORE || isFull()) return true;
      next = wire.u64(HEAD.next);
    }
  }
}

function readMounts(wire: Wire, fields: readonly Field[], into: NsMount[]): void {
  for (const { id, at } of fields) {
    const type = id === FieldId.nsMount ? readType(wire.u32(at + NS_MOUNT.type)) : null;
    if (type === null) continue;
    into.push({
      type,
      inum: wire.u32(at + NS_MOUNT.inum),
      id: readId(type, wire.u64(at + NS_MOUNT.id)),
      ns: wire.u32(at + NS_MOUNT.ns),
      mount: wire.u32(at + NS_MOUNT.mount),
    });
  }
}

/** The same from mount tables, for where there is no BPF: what the namespaces are cannot be known from there. */
export function nsMountsOf(
  tables: Iterable<{
    readonly ns: number;
    readonly mounts: readonly Pick<Mount, "id" | "fsType" | "root">[];
  }>,
): NsMounts {
  const mounts: NsMount[] = [];
  for (const table of tables) {
    for (const { fsType, root, id } of table.mounts) {
      if (fsType !== "nsfs") continue;
      const name = readNsName(root);
      if (name !== null) mounts.push({ ...name, id: null, ns: table.ns, mount: id });
    }
  }
  return { mounts, namespaces: [], complete: true };
}
