import { statfsSync, statSync } from "node:fs";
import type { HostPath } from "./host-path.js";
import { readFile } from "./libc.js";

/** include/uapi/linux/magic.h. */
const CGROUP_SUPER_MAGIC = 0x27e0eb;
const CGROUP2_SUPER_MAGIC = 0x63677270;

/** A task's cgroups by id: the inode number of the directory. 0n where it could not be told. */
export interface CgroupIds {
  readonly unified: bigint;
  readonly memory: bigint;
}

/**
 * Turns /proc/PID/cgroup (cgroups(7)) into the ids that BPF programs and events carry. Best effort: a
 * directory that is gone, or one outside of the reader's own cgroup namespace, has none.
 */
export class CgroupDirectories {
  readonly #host: HostPath;
  readonly #unified: string | null;
  readonly #memory: string | null;
  readonly #ids = new Map<string, bigint>();

  constructor(host: HostPath) {
    this.#host = host;
    this.#unified =
      [host.sys("fs/cgroup"), host.sys("fs/cgroup/unified")].find((path) =>
        isOfType(path, CGROUP2_SUPER_MAGIC),
      ) ?? null;
    const memory = host.sys("fs/cgroup/memory");
    this.#memory = isOfType(memory, CGROUP_SUPER_MAGIC) ? memory : null;
  }

  /** The ids of `pid`; both 0n when it is gone. */
  of(pid: number): CgroupIds {
    let unified = 0n;
    let memory = 0n;
    for (const { id, controllers, path } of readCgroups(this.#host, pid)) {
      if (id === 0) unified = this.#idOf(this.#unified, path);
      else if (controllers.includes("memory")) memory = this.#idOf(this.#memory, path);
    }
    return { unified, memory };
  }

  #idOf(mountPoint: string | null, path: string): bigint {
    if (mountPoint === null) return 0n;
    const directory = mountPoint + path;
    const known = this.#ids.get(directory);
    if (known !== undefined) return known;
    const id = inodeOf(directory);
    this.#ids.set(directory, id);
    return id;
  }
}

/** A container with cgroups of its own can nest them so deep that the path is too long for stat(2) (ENAMETOOLONG). */
function inodeOf(directory: string): bigint {
  try {
    return statSync(Buffer.from(directory, "latin1"), { bigint: true }).ino;
  } catch {
    return 0n;
  }
}

/** One line of /proc/PID/cgroup. */
interface CgroupLine {
  readonly id: number;
  readonly controllers: readonly string[];
  /** Latin1 text: one character a byte. */
  readonly path: string;
}

function readCgroups(host: HostPath, pid: number): CgroupLine[] {
  const bytes = readFile(host.proc(pid, "cgroup"));
  if (!bytes.ok) return [];
  const lines: CgroupLine[] = [];
  for (const line of bytes.value.toString("latin1").split("\n")) {
    const match = /^(\d+):([^:]*):(\/.*)$/.exec(line);
    if (match === null) continue;
    lines.push({ id: Number(match[1]), controllers: match[2]!.split(","), path: match[3]! });
  }
  return lines;
}

function isOfType(path: string, magic: number): boolean {
  try {
    return statfsSync(path).type === magic;
  } catch {
    return false;
  }
}
