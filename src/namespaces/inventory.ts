import type { NamespaceFacts } from "./facts.js";
import type { NamespaceGraph } from "./graph.js";
import type { Task } from "./task.js";
import type { Corrections, Tasks } from "./tasks.js";

/** Reads every task of the node: by BPF, or from /proc where that cannot be. */
export interface TaskSource {
  readonly via: "bpf" | "proc";
  read(): readonly Task[];
  /** What the last reading told of the namespaces; where a source has none, each is asked about by ioctl. */
  readonly namespaces?: () => readonly NamespaceFacts[];
}

export interface InventorySources {
  readonly source: TaskSource;
  readonly tasks: Tasks;
  readonly graph: NamespaceGraph;
  /** CLOCK_BOOTTIME in nanoseconds. */
  readonly now: () => bigint;
}

/** What was read, until the records that are older than it have been applied. */
interface Reading {
  readonly listed: readonly Task[];
  readonly namespaces: readonly NamespaceFacts[];
  /** Each task is listed as it was at some time between these two, CLOCK_BOOTTIME in nanoseconds. */
  readonly begun: bigint;
  readonly ended: bigint;
  readonly started: number;
}

/**
 * Brings the task table and the namespace graph in line with what the kernel says. Reading and taking over are two
 * steps: records that were written before the reading may still wait in the ring.
 */
export class Inventory {
  readonly #sources: InventorySources;
  readonly #corrections = { appeared: 0, vanished: 0, moved: 0 };
  #reading: Reading | null = null;
  #count = 0;
  #lastSeconds = 0;

  constructor(sources: InventorySources) {
    this.#sources = sources;
  }

  get via(): TaskSource["via"] {
    return this.#sources.source.via;
  }

  /** How many were taken. */
  get count(): number {
    return this.#count;
  }

  /** How long the last one took, from the beginning of its reading until it was taken over. */
  get lastSeconds(): number {
    return this.#lastSeconds;
  }

  /** Differences that events should have told, by cause, since the first inventory. */
  get corrections(): Readonly<Corrections> {
    return this.#corrections;
  }

  /** Reads all tasks. What was read before and not yet taken over is given up for it. */
  read(): void {
    const { source, tasks, graph, now } = this.#sources;
    const started = performance.now();
    tasks.expectInventory();
    graph.expectInventory();
    const begun = now();
    const listed = source.read();
    this.#reading = { listed, namespaces: source.namespaces?.() ?? [], begun, ended: now(), started };
  }

  /**
   * Takes over what was read, if every record of before has been applied: `applied` is the time of the last one that
   * was, null when none waits. Returns whether it did.
   */
  settle(applied: bigint | null): boolean {
    const reading = this.#reading;
    if (reading === null || (applied !== null && applied < reading.ended)) return false;
    const { tasks, graph } = this.#sources;
    const corrections = tasks.reconcile(reading.listed, reading.begun, reading.ended);
    const gone: number[] = [];
    for (const tid of graph.tids()) if (tasks.get(tid) === undefined) gone.push(tid);
    graph.takeInventory(tasks.values(), gone, reading.namespaces);
    // everything is new to the first one
    if (this.#count++ > 0) {
      this.#corrections.appeared += corrections.appeared;
      this.#corrections.vanished += corrections.vanished;
      this.#corrections.moved += corrections.moved;
    }
    this.#lastSeconds = (performance.now() - reading.started) / 1000;
    this.#reading = null;
    return true;
  }
}
