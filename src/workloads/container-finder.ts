import { readFileSync } from "node:fs";
import type { ContainerRef } from "../event.js";
import type { HostPath } from "../kernel/host-path.js";
import { readlink } from "../kernel/libc.js";
import { LINK_INDEX, type NsInums } from "../kernel/links.js";
import { type Mount, readMountinfo } from "../kernel/mountinfo.js";
import { readNamespaceLink } from "../kernel/nsfs.js";
import { readStatus } from "../kernel/status.js";
import { MountTree } from "../mounts/mount-tree.js";
import { processesIn } from "./cgroup-tasks.js";
import { ContainerNames } from "./container-names.js";
import { type CgroupLine, matchCgroupLines, parseCgroup } from "./patterns.js";
import { isRuntimeName } from "./runtimes.js";

/** What was found of a process. */
export interface Found {
  readonly container: ContainerRef | null;
  /** Whether the cgroup gave the container its id, so that whoever is in the cgroup is in the container. */
  readonly named: boolean;
}

/** Inode numbers of a process's namespaces, and what names each for good. */
export interface NamedNamespaces {
  readonly mnt: number;
  readonly pid: number;
  readonly mntName: string;
  readonly pidName: string;
}

/** Units of systemd in which tasks of the host live; a runtime that shares one gives no name to its container. */
const HOST_UNIT = /\.(?:service|slice|socket|mount)$|^(?:session-[^/]+|init|run-[^/]+)\.scope$/;

const HOST: Found = { container: null, named: false };

/** Deeper than a shell's child's child, and a bound on what a chain of forks can cost. */
const MAX_ANCESTORS = 32;

const MNT = LINK_INDEX.mnt;
const PID = LINK_INDEX.pid;

/** Finds in /proc which container a process is in; {@link Containers} says what that means. */
export class ContainerFinder {
  readonly #host: HostPath;
  readonly #hostNs: NsInums;
  readonly #names: ContainerNames;
  #hostRoot: Mount | null | undefined;

  constructor(host: HostPath, hostNs: NsInums) {
    this.#host = host;
    this.#hostNs = hostNs;
    this.#names = new ContainerNames(host);
  }

  /** Looks again for names that were not known: what has some now, by what {@link find} gave. */
  nameAgain(one?: ContainerRef): ReadonlyMap<ContainerRef, ContainerRef> {
    return this.#names.again(one);
  }

  /** Null where it cannot be told: the process is gone, or its root is not a mount. */
  find(process: number, namespaces: NamedNamespaces): Found | null {
    const lines = this.#readCgroup(process);
    if (lines === null) return null;
    const match = matchCgroupLines(lines);
    if (match !== null) {
      const pod = match.podUid === null ? null : { uid: match.podUid, namespace: null, name: null };
      const { id, runtime } = match;
      return { container: this.#names.of({ id, runtime, name: null, image: null, pod }), named: true };
    }
    const ownPid = differs(namespaces.pid, this.#hostNs[PID]);
    if (!ownPid) {
      if (!differs(namespaces.mnt, this.#hostNs[MNT])) return HOST;
      const hostsRoot = this.#hasRootOfHost(process);
      if (hostsRoot !== false) return hostsRoot === null ? null : HOST;
    }
    const leaf = this.#leafName(process, lines);
    if (leaf !== null) return { container: withoutRuntime(leaf), named: true };
    const { mntName, pidName } = namespaces;
    const container = ownPid ? namelessContainer("pidns", pidName) : namelessContainer("mntns", mntName);
    return { container, named: false };
  }

  #readCgroup(pid: number | "self"): CgroupLine[] | null {
    try {
      return parseCgroup(readFileSync(this.#host.proc(pid, "cgroup"), "utf8"));
    } catch {
      return null;
    }
  }

  /**
   * Whether the mount at the root of `pid` shows the same directory of the same superblock as the host's. Null
   * where that cannot be told: the task is gone, or its root is not a mount (chroot(2)).
   */
  #hasRootOfHost(pid: number): boolean | null {
    this.#hostRoot ??= this.#rootOf(1);
    const root = this.#rootOf(pid);
    if (root === null || this.#hostRoot === null) return null;
    return root.dev === this.#hostRoot.dev && root.root === this.#hostRoot.root;
  }

  #rootOf(pid: number): Mount | null {
    try {
      const mounts = readMountinfo(this.#host, pid);
      return mounts === null ? null : new MountTree(mounts).lookup("/");
    } catch {
      return null;
    }
  }

  /** The last part of the deepest of the paths that no task of the host is in. */
  #leafName(pid: number, lines: readonly CgroupLine[]): string | null {
    const hosts = new Set<string>();
    for (const hostPid of [1, this.#nearestOnHost(pid)]) {
      for (const { controllers, path } of this.#readCgroup(hostPid) ?? [])
        hosts.add(`${controllers}:${path}`);
    }
    const own = lines
      .filter(({ controllers, path }) => !hosts.has(`${controllers}:${path}`))
      .map((line) => ({ line, parts: line.path.split("/").filter((part) => part !== "") }))
      .filter(({ parts }) => parts.length > 0)
      .sort((a, b) => b.parts.length - a.parts.length);
    const leaf = own.find(({ line }) => !this.#holdsHostTasks(line))?.parts.at(-1);
    return leaf === undefined || leaf === ".." || HOST_UNIT.test(leaf) ? null : leaf;
  }

  /**
   * Whether tasks of the host live in a cgroup too: a session or a service of which a process went into namespaces of its
   * own, and its parent is gone. A runtime passes through the cgroup that it made while it makes the container.
   */
  #holdsHostTasks(line: CgroupLine): boolean {
    return processesIn(this.#host, line).some((pid) => {
      if (pid <= 1 || !this.isOnHost(pid)) return pid === 1;
      const exe = readlink(this.#host.proc(pid, "exe"));
      return exe.ok && !isRuntimeName(exe.value);
    });
  }

  /** The nearest ancestor of `pid` that is in the host's namespaces; pid 1 where there is none. */
  #nearestOnHost(pid: number): number {
    let ancestor = readStatus(this.#host, pid)?.ppid ?? 1;
    for (let depth = 0; depth < MAX_ANCESTORS && ancestor > 1; depth++) {
      if (this.isOnHost(ancestor)) return ancestor;
      ancestor = readStatus(this.#host, ancestor)?.ppid ?? 1;
    }
    return 1;
  }

  /** Whether `pid` is in the pid and the mount namespace of the host; so is pid 1. */
  isOnHost(pid: number): boolean {
    if (pid <= 1) return true;
    return (["pid", "mnt"] as const).every((type) => {
      const link = readNamespaceLink(this.#host.proc(pid, "ns", type));
      return link.ok && link.value === this.#hostNs[LINK_INDEX[type]];
    });
  }
}

/** A container that has nothing but a namespace, whose id or else inode number is `name`. */
export function namelessContainer(type: "pidns" | "mntns", name: string): ContainerRef {
  return withoutRuntime(`${type}:${name}`);
}

function withoutRuntime(id: string): ContainerRef {
  return { id, runtime: null, name: null, image: null, pod: null };
}

/** Whether both are known and are not the same namespace. */
export function differs(inum: number, hostInum: number | undefined): boolean {
  return inum !== 0 && hostInum !== undefined && hostInum !== 0 && inum !== hostInum;
}
