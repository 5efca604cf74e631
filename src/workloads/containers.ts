import { readFileSync } from "node:fs";
import type { ContainerRef } from "../event.js";
import type { HostPath } from "../kernel/host-path.js";
import { LINK_INDEX, type NsInums } from "../kernel/links.js";
import { type Mount, readMountinfo } from "../kernel/mountinfo.js";
import { readNamespaceLink } from "../kernel/nsfs.js";
import { readStatus } from "../kernel/status.js";
import { MountTree } from "../mounts/mount-tree.js";
import type { Task } from "../namespaces/task.js";
import { type CgroupLine, matchCgroupLines, parseCgroup } from "./patterns.js";

export interface ContainersOptions {
  readonly host: HostPath;
  /** The namespaces of the host root that `host` points at. */
  readonly hostNs: NsInums;
  /** How many answers are kept. */
  readonly capacity?: number;
}

interface Answer {
  readonly key: bigint;
  readonly cgroup: bigint;
  readonly mnt: number;
  readonly pid: number;
  readonly container: ContainerRef | null;
  /** Whether the cgroup gave the container its id, so that whoever is in the cgroup is in the container. */
  readonly named: boolean;
  /** The thread that was asked about. */
  readonly witness: number;
}

/** A task that unshares its mount namespace again and again makes this many answers, not more. */
const ANSWERS_PER_CGROUP = 64;

/** Units of systemd in which tasks of the host live; a runtime that shares one gives no name to its container. */
const HOST_UNIT = /\.(?:service|slice|socket|mount)$|^(?:session-[^/]+|init|run-[^/]+)\.scope$/;

const HOST = { container: null, named: false } as const;

/** Deeper than a shell's child's child, and a bound on what a chain of forks can cost. */
const MAX_ANCESTORS = 32;

/** Parent of all kernel threads, of which kdevtmpfs has a mount namespace of its own (drivers/base/devtmpfs.c). */
const KTHREADD = 2;

const MNT = LINK_INDEX.mnt;
const PID = LINK_INDEX.pid;

/**
 * Which container a task is in. It is in one when
 *
 * - its cgroup has a name that a known runtime gives ({@link matchCgroupLines}), or
 * - its pid namespace is not the host's, or
 * - its mount namespace is not the host's and neither is the mount at its root: a systemd service with
 *   PrivateTmp= has a mount namespace of its own with a copy of the host's root in it, and is no container.
 *
 * The container's id is the one in the runtime's name, else the name of the cgroup. A task in a cgroup that names none
 * is in the container that its mount or pid namespace belongs to (it came from the host, as with nsenter(1)); where
 * they belong to none, the id is `pidns:INUM` or `mntns:INUM`. A cgroup that tasks of the host live in names no container: that of pid 1, that of the nearest
 * ancestor on the host (an `unshare` in somebody's session), and systemd's units for users and services.
 */
export class Containers {
  readonly #host: HostPath;
  readonly #hostNs: NsInums;
  readonly #capacity: number;
  readonly #answers = new Map<bigint, Answer[]>();
  /**
   * Whose a mount or pid namespace is, by its inode number, which is one of a kind over all types (proc_alloc_inum() of
   * fs/proc/generic.c): the answer that found a named container in it. Has no entry that #answers has not.
   */
  readonly #owners = new Map<number, Answer>();
  #size = 0;
  #evictions = 0;
  #reads = 0;
  #hostRoot: Mount | null | undefined;

  constructor({ host, hostNs, capacity = 16_384 }: ContainersOptions) {
    this.#host = host;
    this.#hostNs = hostNs;
    this.#capacity = capacity;
  }

  /** How many answers are kept now. */
  get size(): number {
    return this.#size;
  }

  /** How many answers had to make room for others. */
  get evictions(): number {
    return this.#evictions;
  }

  /** How many times /proc/PID/cgroup was read. */
  get reads(): number {
    return this.#reads;
  }

  /**
   * The container of `task`; null for a task of the host, and for one that is gone and in a cgroup that has not been
   * seen to name a container.
   * Reads /proc/PID/cgroup, and at most once more /proc/PID/mountinfo, the first time that a cgroup is seen with
   * these namespaces; after that it is one look-up. A task whose cgroup ids are not known is never remembered.
   */
  of(task: Task): ContainerRef | null {
    if (task.ppid === KTHREADD || task.pid === KTHREADD) return null;
    const key = keyOf(task);
    const mnt = task.ns[MNT] ?? 0;
    const pid = task.ns[PID] ?? 0;
    const answers = this.#answers.get(key);
    if (answers !== undefined) {
      for (const answer of answers) {
        if (answer.pid === pid && answer.mnt === mnt && answer.cgroup === task.cgroup)
          return this.#containerOf(answer);
      }
    }
    const found = this.#find(task.pid, mnt, pid);
    // Whoever is in a cgroup that names a container is in it: a task that ended meanwhile was there too.
    if (found === null) return this.#namedAfter(task, answers)?.container ?? null;
    // A task that has entered the host's namespaces is still in the cgroup that its container is named after.
    const namedAfter = found.container === null ? this.#namedAfter(task, answers) : undefined;
    const { container, named } = namedAfter ?? found;
    const answer: Answer = { key, cgroup: task.cgroup, mnt, pid, container, named, witness: task.tid };
    if (key !== 0n) this.#remember(answer);
    return this.#containerOf(answer);
  }

  /** What has no name of its own may be in a container that was found since. */
  #containerOf({ container, named, mnt, pid }: Answer): ContainerRef | null {
    return named || container === null ? container : (this.#ownerOf(mnt, pid) ?? container);
  }

  /**
   * The named container that one of the two namespaces belongs to. Containers can share a pid namespace, but hardly a
   * mount namespace, which therefore decides.
   */
  #ownerOf(mnt: number, pid: number): ContainerRef | null {
    return this.#liveOwner("mnt", mnt)?.container ?? this.#liveOwner("pid", pid)?.container ?? null;
  }

  /** Inode numbers are given away again soon: an owner counts as long as its witness is still in the namespace. */
  #liveOwner(type: "mnt" | "pid", inum: number): Answer | null {
    const owner = this.#owners.get(inum);
    if (owner === undefined) return null;
    const link = readNamespaceLink(this.#host.proc(owner.witness, "ns", type));
    if (link.ok && link.value === inum) return owner;
    // the next task that asks for this answer finds it anew, and is the next witness
    this.#drop(owner);
    return null;
  }

  /** Gives the namespaces of an answer that names a container to it, if they belong to no other. */
  #own(answer: Answer): void {
    if (!answer.named) return;
    for (const type of ["mnt", "pid"] as const) {
      const inum = answer[type];
      if (differs(inum, this.#hostNs[LINK_INDEX[type]]) && this.#liveOwner(type, inum) === null)
        this.#owners.set(inum, answer);
    }
  }

  #disown(answer: Answer): void {
    for (const inum of [answer.mnt, answer.pid]) {
      if (this.#owners.get(inum) === answer) this.#owners.delete(inum);
    }
  }

  #namedAfter(task: Task, answers: readonly Answer[] | undefined): Answer | undefined {
    const named = answers?.find((answer) => answer.named && answer.cgroup === task.cgroup);
    return named === undefined || this.#isOnHost(task.ppid) ? undefined : named;
  }

  /**
   * Forgets that `task` is in no container, after a call that may have given it another root: while a runtime makes
   * a container, its mount namespace shows the host's root until pivot_root(2).
   */
  reconsider(task: Task): void {
    const key = keyOf(task);
    const answers = this.#answers.get(key);
    const kept = answers?.filter(({ mnt, container }) => container !== null || mnt !== task.ns[MNT]);
    if (answers === undefined || kept === undefined || kept.length === answers.length) return;
    this.#size -= answers.length - kept.length;
    if (kept.length === 0) this.#answers.delete(key);
    else this.#answers.set(key, kept);
  }

  #remember(answer: Answer): void {
    const { key } = answer;
    let answers = this.#answers.get(key);
    if (answers === undefined) {
      answers = [];
      this.#answers.set(key, answers);
    }
    if (answers.length >= ANSWERS_PER_CGROUP) this.#evict([answers.shift()!]);
    answers.push(answer);
    this.#size += 1;
    while (this.#size > this.#capacity) {
      const [oldest, dropped] = this.#answers.entries().next().value!;
      this.#answers.delete(oldest);
      this.#evict(dropped);
    }
    this.#own(answer);
  }

  #evict(dropped: readonly Answer[]): void {
    this.#size -= dropped.length;
    this.#evictions += dropped.length;
    for (const answer of dropped) this.#disown(answer);
  }

  #drop(answer: Answer): void {
    this.#disown(answer);
    const answers = this.#answers.get(answer.key);
    const place = answers?.indexOf(answer) ?? -1;
    if (answers === undefined || place < 0) return;
    answers.splice(place, 1);
    this.#size -= 1;
    if (answers.length === 0) this.#answers.delete(answer.key);
  }

  /** Null where it cannot be told. */
  #find(taskPid: number, mnt: number, pid: number): Pick<Answer, "container" | "named"> | null {
    this.#reads += 1;
    const lines = this.#readCgroup(taskPid);
    if (lines === null) return null;
    const match = matchCgroupLines(lines);
    if (match !== null) {
      const pod = match.podUid === null ? null : { uid: match.podUid, namespace: null, name: null };
      return { container: { id: match.id, runtime: match.runtime, name: null, pod }, named: true };
    }
    const ownPid = differs(pid, this.#hostNs[PID]);
    if (!ownPid) {
      if (!differs(mnt, this.#hostNs[MNT])) return HOST;
      const hostsRoot = this.#hasRootOfHost(taskPid);
      if (hostsRoot !== false) return hostsRoot === null ? null : HOST;
    }
    const leaf = this.#leafName(taskPid, lines);
    const id = leaf ?? (ownPid ? `pidns:${pid}` : `mntns:${mnt}`);
    return { container: { id, runtime: null, name: null, pod: null }, named: leaf !== null };
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

  /** The last part of the deepest of the paths that tasks of the host are not in. */
  #leafName(pid: number, lines: readonly CgroupLine[]): string | null {
    const hosts = new Set<string>();
    for (const hostPid of [1, this.#nearestOnHost(pid)]) {
      for (const { controllers, path } of this.#readCgroup(hostPid) ?? [])
        hosts.add(`${controllers}:${path}`);
    }
    let deepest: string[] = [];
    for (const { controllers, path } of lines) {
      if (hosts.has(`${controllers}:${path}`)) continue;
      const parts = path.split("/").filter((part) => part !== "");
      if (parts.length > deepest.length) deepest = parts;
    }
    const leaf = deepest.at(-1);
    return leaf === undefined || leaf === ".." || HOST_UNIT.test(leaf) ? null : leaf;
  }

  /** The nearest ancestor of `pid` that is in the host's namespaces; pid 1 where there is none. */
  #nearestOnHost(pid: number): number {
    let ancestor = readStatus(this.#host, pid)?.ppid ?? 1;
    for (let depth = 0; depth < MAX_ANCESTORS && ancestor > 1; depth++) {
      if (this.#isOnHost(ancestor)) return ancestor;
      ancestor = readStatus(this.#host, ancestor)?.ppid ?? 1;
    }
    return 1;
  }

  #isOnHost(pid: number): boolean {
    if (pid <= 1) return true;
    return (["pid", "mnt"] as const).every((type) => {
      const link = readNamespaceLink(this.#host.proc(pid, "ns", type));
      return link.ok && link.value === this.#hostNs[LINK_INDEX[type]];
    });
  }
}

/** On hosts with v1 hierarchies all tasks may be in the root of the unified one. */
function keyOf({ cgroup, cgroupV1 }: Task): bigint {
  return cgroupV1 === 0n ? cgroup : cgroupV1;
}

/** Whether both are known and are not the same namespace. */
function differs(inum: number, hostInum: number | undefined): boolean {
  return inum !== 0 && hostInum !== undefined && hostInum !== 0 && inum !== hostInum;
}
