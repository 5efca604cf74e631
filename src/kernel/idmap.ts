import type { HostPath } from "./host-path.js";
import { readFile } from "./libc.js";

/** One extent: `count` ids from `inside` on are those from `outside` on in the reader's user namespace. */
export interface IdExtent {
  readonly inside: number;
  readonly outside: number;
  readonly count: number;
}

/** A uid_map or gid_map (user_namespaces(7)). Ids are 32 bits; -1 (4294967295) is never mapped. */
export class IdMap {
  readonly extents: readonly IdExtent[];

  constructor(extents: readonly IdExtent[]) {
    this.extents = extents;
  }

  /** Reads the text of /proc/PID/uid_map; lines that are not three numbers are left out. */
  static parse(text: string): IdMap {
    const extents: IdExtent[] = [];
    for (const line of text.split("\n")) {
      const match = /^\s*(\d+)\s+(\d+)\s+(\d+)\s*$/.exec(line);
      if (match === null) continue;
      extents.push({ inside: Number(match[1]), outside: Number(match[2]), count: Number(match[3]) });
    }
    return new IdMap(extents);
  }

  /** The id outside for one inside the namespace; null where it is not mapped. */
  toOutside(id: number): number | null {
    for (const { inside, outside, count } of this.extents) {
      if (id >= inside && id < inside + count) return outside + (id - inside);
    }
    return null;
  }

  /** The id inside the namespace for one outside; null where it is not mapped (shown there as 65534). */
  toInside(id: number): number | null {
    for (const { inside, outside, count } of this.extents) {
      if (id >= outside && id < outside + count) return inside + (id - outside);
    }
    return null;
  }

  /** Whether some id inside is 0 outside: whoever has it there is the host's root to every file. */
  get mapsHostRoot(): boolean {
    return this.toInside(0) !== null;
  }
}

/**
 * The uid or gid map of the user namespace of `pid`, whose outer ids are those of the reader's user namespace;
 * null when the process is gone. It is empty until somebody has written it.
 */
export function readIdMap(host: HostPath, pid: number, kind: "uid" | "gid"): IdMap | null {
  const bytes = readFile(host.proc(pid, `${kind}_map`));
  return bytes.ok ? IdMap.parse(bytes.value.toString("latin1")) : null;
}
