import type { ContainerRef } from "../event.js";
import { LINK_INDEX, type NsInums } from "../kernel/links.js";
import type { Task } from "../namespaces/task.js";

/**
 * Where the program that a process runs was started: `host`, before the process was in any container; `container`, in
 * one, or by a process that runs such a program.
 */
export type Origin = "host" | "container";

export interface OriginsOptions {
  readonly hostNs: NsInums;
  readonly containerOf: (task: Task) => ContainerRef | null;
  /** How many processes are remembered. */
  readonly capacity?: number;
}

interface Known {
  readonly start: bigint;
  readonly origin: Origin;
}

const MNT = LINK_INDEX.mnt;

/**
 * Tells runtimes from what they run. A runtime starts on the host, walks into the container's namespaces and makes it
 * ready from within; the first program that it executes there is the payload. So it is the last execve(2) that counts:
 * names of files and comms are the container's own choice, the file that was executed before it was in the container
 * is not. A process that once ran a container's program stays one of the container, wherever it goes, and so do all
 * that it makes.
 */
export class Origins {
  readonly #hostNs: NsInums;
  readonly #containerOf: OriginsOptions["containerOf"];
  readonly #capacity: number;
  readonly #byPid = new Map<number, Known>();
  #evictions = 0;

  constructor({ hostNs, containerOf, capacity = 65_536 }: OriginsOptions) {
    this.#hostNs = hostNs;
    this.#containerOf = containerOf;
    this.#capacity = capacity;
  }

  /** Processes that made room for others. */
  get evictions(): number {
    return this.#evictions;
  }

  /** Null where it is not known: its program was started before anybody looked, and could be either. */
  of({ pid, start }: Pick<Task, "pid" | "start">): Origin | null {
    const known = this.#byPid.get(pid);
    return known?.start === start ? known.origin : null;
  }

  /** `parent` made `child`, which runs the same program. */
  onFork(child: Task, parent: Task | undefined): void {
    if (child.pid !== child.tid) return;
    const origin = parent === undefined ? null : this.of(parent);
    if (origin !== null) this.#put(child, origin);
  }

  /** `task` runs another program from now on. */
  onExec(task: Task): void {
    if (this.of(task) === "container") return;
    const onHost = task.ns[MNT] === this.#hostNs[MNT] || this.#containerOf(task) === null;
    this.#put(task, onHost ? "host" : "container");
  }

  /** The tasks that live: those that are not among them are forgotten, and of those not known before some can be told. */
  onInventory(tasks: Iterable<Task>): void {
    const living = new Set<number>();
    for (const task of tasks) {
      if (task.pid !== task.tid) continue;
      living.add(task.pid);
      if (this.of(task) !== null || task.ns[MNT] === 0) continue;
      const isInHost = task.ns[MNT] === this.#hostNs[MNT];
      const isContained = this.#containerOf(task) !== null;
      // in a container's cgroup and in the host's mount namespace: a runtime that begins, or who has left the container
      if (isInHost && isContained) continue;
      // in a container's mount namespace it could be its runtime still, which what it is called decides then
      if (!isContained) this.#put(task, "host");
    }
    for (const pid of this.#byPid.keys()) if (!living.has(pid)) this.#byPid.delete(pid);
  }

  #put({ pid, start }: Task, origin: Origin): void {
    this.#byPid.delete(pid);
    this.#byPid.set(pid, { start, origin });
    if (this.#byPid.size <= this.#capacity) return;
    this.#byPid.delete(this.#byPid.keys().next().value!);
    this.#evictions += 1;
  }
}
