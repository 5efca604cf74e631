import type { Task } from "./task.js";

/** Where the table differed from an inventory that was read later. */
export interface Corrections {
  /** Tasks that no fork record had announced. */
  readonly appeared: number;
  /** Tasks that no exit record had taken away. */
  readonly vanished: number;
  /** Tasks whose namespaces had changed without a record. */
  readonly moved: number;
}

interface Entry {
  readonly task: Task;
  /** When the kernel described the task so, CLOCK_BOOTTIME in nanoseconds. */
  readonly time: bigint;
}

/** No node comes near this; the kernel's own bound is PID_MAX_LIMIT, 4 Mi. */
const DEFAULT_LIMIT = 262_144;
/** More than end while an inventory is read and a little before. */
const MAX_REAPING = 4_096;

/**
 * The tasks that live, by tid: who they are and which namespaces they were in last. Read by an inventory, kept
 * exact by fork, exec, exit and system call records. A thread without an entry is its leader's like.
 */
export class Tasks {
  readonly #byTid = new Map<number, Entry>();
  readonly #limit: number;
  /** Tids that ended while an inventory was read; null when none is. */
  #ended: Set<number> | null = null;
  /** Those that ended last, with their start: an inventory lists them until they are reaped. */
  readonly #reaping = new Map<number, bigint>();
  #refused = 0;

  constructor(limit = DEFAULT_LIMIT) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#byTid.size;
  }

  /** Tasks that found the table full. */
  get refused(): number {
    return this.#refused;
  }

  *values(): Generator<Task> {
    for (const { task } of this.#byTid.values()) yield task;
  }

  get(tid: number): Task | undefined {
    return this.#byTid.get(tid)?.task;
  }

  /** What is known of a thread, or else of its leader, if it is of the same process: pids are reused. */
  of(task: Pick<Task, "tid" | "pid" | "start">): Task | undefined {
    return this.#of(task)?.task;
  }

  /** The same, if it was so before `time`: an inventory may have been read after the record in hand. */
  before(task: Pick<Task, "tid" | "pid" | "start">, time: bigint): Task | undefined {
    const entry = this.#of(task);
    return entry !== undefined && entry.time < time ? entry.task : undefined;
  }

  /** A new task, told by its fork record: it starts with the executable of the task that made it. */
  fork(child: Task, parentTid: number, time: bigint): Task {
    // a thread of which nothing is known is like its leader
    const parent = this.get(parentTid) ?? this.get(child.tid === child.pid ? child.ppid : child.pid);
    return this.#put({ ...child, exe: parent?.exe ?? null }, time);
  }

  /** After execve(2): the other threads are gone and the caller has its leader's tid. */
  exec(task: Task, oldTid: number, time: bigint): Task {
    if (oldTid !== task.tid) this.exit(oldTid);
    return this.#put(task, time);
  }

  /** Takes a newer description of a task; an executable that it does not tell stays. */
  update(task: Task, time: bigint): Task {
    const exe = task.exe ?? this.of(task)?.exe ?? null;
    return this.#put(exe === task.exe ? task : { ...task, exe }, time);
  }

  exit(tid: number): void {
    const known = this.#byTid.get(tid);
    if (known !== undefined) this.#remember(tid, known.task.start);
    this.#byTid.delete(tid);
    this.#ended?.add(tid);
  }

  /** Before an inventory is read: what ends from now on may still stand in it. */
  expectInventory(): void {
    this.#ended = new Set();
  }

  /**
   * Takes over an inventory that was read from `begun` to `ended`, after the records before that were applied. What a
   * record said after it had begun stays. A thread without a record of its own in the inventory is like its leader.
   */
  reconcile(inventory: readonly Task[], begun: bigint, ended = begun): Corrections {
    let [appeared, vanished, moved] = [0, 0, 0];
    const listed = new Set<number>();
    for (const task of inventory) {
      listed.add(task.tid);
      if (this.#ended?.has(task.tid)) continue;
      const known = this.#byTid.get(task.tid);
      if (known === undefined && this.#reaping.get(task.tid) === task.start) continue;
      if (known === undefined || known.task.start !== task.start) appeared++;
      else if (known.time > begun) continue;
      else if (!sameNamespaces(known.task, task)) moved++;
      this.#put(task.exe === null ? { ...task, exe: this.of(task)?.exe ?? null } : task, ended);
    }
    for (const [tid, { task, time: since }] of this.#byTid) {
      if (listed.has(tid) || since > begun) continue;
      const leader = tid === task.pid ? undefined : this.get(task.pid);
      if (leader === undefined || leader.start !== task.start) {
        vanished++;
        this.#byTid.delete(tid);
      } else if (!sameNamespaces(leader, task)) {
        moved++;
        this.#put({ ...leader, tid }, ended);
      }
    }
    this.#ended = null;
    return { appeared, vanished, moved };
  }

  #of(task: Pick<Task, "tid" | "pid" | "start">): Entry | undefined {
    const entry = this.#byTid.get(task.tid) ?? this.#byTid.get(task.pid);
    return entry !== undefined && entry.task.start === task.start ? entry : undefined;
  }

  #remember(tid: number, start: bigint): void {
    this.#reaping.delete(tid);
    this.#reaping.set(tid, start);
    if (this.#reaping.size > MAX_REAPING) this.#reaping.delete(this.#reaping.keys().next().value!);
  }

  #put(task: Task, time: bigint): Task {
    if (this.#byTid.size >= this.#limit && !this.#byTid.has(task.tid)) this.#refused++;
    else this.#byTid.set(task.tid, { task, time });
    return task;
  }
}

function sameNamespaces(a: Task, b: Task): boolean {
  return a.ns.every((inum, link) => inum === b.ns[link]);
}
