import { existsSync } from "node:fs";
import type { ContainerRef } from "../event.js";
import { CgroupDirectories, type CgroupIds } from "../kernel/cgroup-ids.js";
import type { HostPath } from "../kernel/host-path.js";
import { LINK_INDEX, type NsInums } from "../kernel/links.js";
import { readNamespaceLink } from "../kernel/nsfs.js";
import type { Namespace } from "../namespaces/namespace.js";
import type { Task } from "../namespaces/task.js";
import { ContainerFinder, differs, type Found, namelessContainer } from "./container-finder.js";

export interface ContainersOptions {
  readonly host: HostPath;
  /** The namespaces of the host root that `host` points at. */
  readonly hostNs: NsInums;
  /**
   * Tells one namespace from another that had its inode number before. Absent: an inode number is a name, and a
   * namespace that gets the number of one that has ended passes for it.
   */
  readonly graph?: NamespaceNames;
  /** How many answers are kept. */
  readonly capacity?: number;
  /** In which cgroups a process is now; from the host's /proc and cgroup file systems unless it is said otherwise. */
  readonly cgroupsOf?: (pid: number) => CgroupIds;
}

/** What is needed of the namespace graph. */
export interface NamespaceNames {
  get(type: "mnt" | "pid", inum: number): Pick<Namespace, "id"> | undefined;
}

/**
 * Which namespace it is: the id that is never reused, where the kernel has one; else what the graph knows of it, which
 * is another object once the inode number was given to another namespace; else that number.
 */
type Identity = string | object | number;

interface Answer extends Found {
  container: ContainerRef | null;
  readonly key: bigint;
  readonly cgroup: bigint;
  readonly mnt: Identity;
  readonly pid: Identity;
  /** Inode numbers. */
  readonly inums: { readonly mnt: number; readonly pid: number };
  /** The thread that was asked about. */
  readonly witness: number;
}

/** A task that unshares its mount namespace again and again makes this many answers, not more. */
const ANSWERS_PER_CGROUP = 64;

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
 * they belong to none, the id is `pidns:ID` or `mntns:ID`: the id of the namespace that is never reused, or its inode
 * number on a kernel without such ids. A cgroup that tasks of the host live in names no container: that of pid 1, that
 * of the nearest ancestor on the host (an `unshare` in somebody's session), systemd's units for users and services, and any
 * other in which a task of the host is found.
 */
export class Containers {
  readonly #host: HostPath;
  readonly #hostNs: NsInums;
  readonly #graph: NamespaceNames | null;
  readonly #finder: ContainerFinder;
  readonly #capacity: number;
  readonly #cgroupsOf: (pid: number) => CgroupIds;
  readonly #answers = new Map<bigint, Answer[]>();
  /**
   * Whose a mount or pid namespace is: the answer that found a named container in it. Ids and inode numbers are of one
   * kind over all types (ns_tree_gen_id() of kernel/nstree.c, proc_alloc_inum() of fs/proc/generic.c). Has no entry that
   * #answers has not.
   */
  readonly #owners = new Map<Identity, Answer>();
  #size = 0;
  #evictions = 0;
  #reads = 0;

  constructor({ host, hostNs, graph, capacity = 16_384, cgroupsOf }: ContainersOptions) {
    this.#host = host;
    this.#hostNs = hostNs;
    this.#graph = graph ?? null;
    // made anew each time: what it remembers of directories has no bound
    this.#cgroupsOf = cgroupsOf ?? ((pid) => new CgroupDirectories(host).of(pid));
    this.#finder = new ContainerFinder(host, hostNs);
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
   * seen, in namespaces that are no container's.
   * Reads /proc/PID/cgroup, at most once more /proc/PID/mountinfo, and for a container that is new what its runtime calls
   * it, the first time that a cgroup is seen with these namespaces; after that it is one look-up. A task whose cgroup ids are not known is never remembered.
   */
  of(task: Task): ContainerRef | null {
    if (task.ppid === KTHREADD || task.pid === KTHREADD) return null;
    const key = keyOf(task);
    const mnt = this.#identity("mnt", task.ns[MNT] ?? 0);
    const pid = this.#identity("pid", task.ns[PID] ?? 0);
    const answers = this.#answers.get(key);
    if (answers !== undefined) {
      for (const answer of answers) {
        if (answer.pid === pid && answer.mnt === mnt && answer.cgroup === task.cgroup)
          return this.#containerOf(answer);
      }
    }
    const inums = { mnt: task.ns[MNT] ?? 0, pid: task.ns[PID] ?? 0 };
    this.#reads += 1;
    const found = this.#finder.find(task.pid, {
      ...inums,
      mntName: nameOf(mnt, inums.mnt),
      pidName: nameOf(pid, inums.pid),
    });
    // Whoever is in a cgroup that names a container is in it: a task that ended meanwhile was there too.
    if (found === null)
      return this.#namedAfter(task, answers)?.container ?? this.#ofGone({ mnt, pid, inums }, task, answers);
    // A task that has entered the host's namespaces is still in the cgroup that its container is named after.
    const namedAfter = found.container === null ? this.#namedAfter(task, answers) : undefined;
    const { container, named } = namedAfter ?? found;
    const answer: Answer = { key, cgroup: task.cgroup, mnt, pid, inums, container, named, witness: task.tid };
    // the cgroup that is named now is not the one that the task was in when the kernel described it
    if (key !== 0n && !(named && this.#hasMoved(task))) this.#remember(answer);
    return this.#containerOf(answer);
  }

  /**
   * Whether `task` is in other cgroups by now, or gone: a runtime moves the first process of a container out of its own
   * cgroup, which must not bear the container's name from then on.
   */
  #hasMoved({ pid, cgroup, cgroupV1 }: Task): boolean {
    const { unified, memory } = this.#cgroupsOf(pid);
    const differ = (now: bigint, then: bigint) => now !== 0n && then !== 0n && now !== then;
    if (unified === 0n && memory === 0n) return !existsSync(this.#host.proc(pid, "cgroup"));
    return differ(unified, cgroup) || differ(memory, cgroupV1);
  }

  /**
   * The container with a name that `ns` lead into, by their mount namespace or else the pid namespace of children; null
   * where they lead into none that is known. Reads nothing of the task that is there, which may be gone.
   */
  owning(ns: NsInums): ContainerRef | null {
    const inums = { mnt: ns[MNT] ?? 0, pid: ns[LINK_INDEX.pid_for_children] ?? 0 };
    const names = {
      inums,
      mnt: this.#identity("mnt", inums.mnt),
      pid: this.#identity("pid", inums.pid),
    };
    const owner = this.#liveOwner("mnt", names) ?? this.#liveOwner("pid", names);
    return owner?.container ?? null;
  }

  /**
   * Looks again, three times at most, for the names of containers whose runtime had not written them when they were found:
   * of all, or of `one`. Returns the ids of those that have names now, which are other objects from then on.
   */
  nameAgain(one?: ContainerRef): string[] {
    const named = this.#finder.nameAgain(one);
    if (named.size === 0) return [];
    for (const answers of this.#answers.values()) {
      for (const answer of answers)
        if (answer.container !== null) answer.container = named.get(answer.container) ?? answer.container;
    }
    return [...named.values()].map(({ id }) => id);
  }

  #identity(type: "mnt" | "pid", inum: number): Identity {
    const namespace = this.#graph?.get(type, inum);
    return namespace === undefined ? inum : (namespace.id ?? namespace);
  }

  /** What has no name of its own may be in a container that was found since. */
  #containerOf(answer: Answer): ContainerRef | null {
    const { container, named } = answer;
    return named || container === null ? container : (this.#ownerOf(answer) ?? container);
  }

  /**
   * The named container that one of the two namespaces belongs to. Containers can share a pid namespace, but hardly a
   * mount namespace, which therefore decides.
   */
  #ownerOf(answer: Answer): ContainerRef | null {
    return this.#liveOwner("mnt", answer)?.container ?? this.#liveOwner("pid", answer)?.container ?? null;
  }

  /**
   * Whose the namespace of `answer` is. Inode numbers are given away again soon: without an id, an owner counts as long
   * as its witness is still in the namespace.
   */
  #liveOwner(type: "mnt" | "pid", answer: Pick<Answer, "mnt" | "pid" | "inums">): Answer | null {
    const identity = answer[type];
    const owner = this.#owners.get(identity);
    if (owner === undefined) return null;
    if (typeof identity === "string") return owner;
    const link = readNamespaceLink(this.#host.proc(owner.witness, "ns", type));
    if (link.ok && link.value === answer.inums[type]) return owner;
    // the next task that asks for this answer finds it anew, and is the next witness
    this.#drop(owner);
    return null;
  }

  /** Gives the namespaces of an answer that names a container to it, if they belong to no other. */
  #own(answer: Answer): void {
    if (!answer.named) return;
    for (const type of ["mnt", "pid"] as const) {
      const isHost = !differs(answer.inums[type], this.#hostNs[LINK_INDEX[type]]);
      if (!isHost && this.#liveOwner(type, answer) === null) this.#owners.set(answer[type], answer);
    }
  }

  #disown(answer: Answer): void {
    for (const identity of [answer.mnt, answer.pid]) {
      if (this.#owners.get(identity) === answer) this.#owners.delete(identity);
    }
  }

  #namedAfter(task: Task, answers: readonly Answer[] | undefined): Answer | undefined {
    const named = answers?.find((answer) => answer.named && answer.cgroup === task.cgroup);
    return named === undefined || this.#finder.isOnHost(task.ppid) ? undefined : named;
  }

  /**
   * The container of a task of which nothing can be read any more: the one that its namespaces belong to; or, where its
   * cgroup is known to name none, the one that its pid namespace makes. Null where neither is known.
   */
  #ofGone(
    names: Pick<Answer, "mnt" | "pid" | "inums">,
    { cgroup }: Task,
    answers: readonly Answer[] | undefined,
  ): ContainerRef | null {
    const owner = this.#liveOwner("mnt", names) ?? this.#liveOwner("pid", names);
    if (owner !== null) return owner.container;
    if (!differs(names.inums.pid, this.#hostNs[PID])) return null;
    const isNameless = answers?.some((answer) => answer.cgroup === cgroup && !answer.named) === true;
    return isNameless ? namelessContainer("pidns", nameOf(names.pid, names.inums.pid)) : null;
  }

  /**
   * Forgets that `task` is in no container, after a call that may have given it another root: while a runtime makes
   * a container, its mount namespace shows the host's root until pivot_root(2).
   */
  reconsider(task: Task): void {
    const key = keyOf(task);
    const answers = this.#answers.get(key);
    const own = this.#identity("mnt", task.ns[MNT] ?? 0);
    const kept = answers?.filter(({ mnt, container }) => container !== null || mnt !== own);
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
}

function nameOf(identity: Identity, inum: number): string {
  return typeof identity === "string" ? identity : String(inum);
}

/** On hosts with v1 hierarchies all tasks may be in the root of the unified one. */
function keyOf({ cgroup, cgroupV1 }: Task): bigint {
  return cgroupV1 === 0n ? cgroup : cgroupV1;
}
