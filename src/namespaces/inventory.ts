import type { NamespaceGraph } from "./graph.js";
import type { Task } from "./task.js";
import type { Corrections, Tasks } from "./tasks.js";

/** Reads every task of the node: by BPF, or from /proc where that cannot be. */
export interface TaskSource {
  readonly via: "bpf" | "proc";
  read(): readonly Task[];
}

export interface InventorySources {
  readonly source: TaskSource;
  readonly tasks: Tasks;
  readonly graph: NamespaceGraph;
  /** CLOCK_BOOTTIME in nanoseconds. */
  readonly now: () => bigint;
  /** Applies every record that waits in the ring: they are older than what is read after them. */
  readonly drain: () => void;
}

/** The task table and the namespace graph brought in line with what the kernel says now. */
export class Inventory {
  readonly #sources: InventorySources;
  readonly #corrections = { appeared: 0, vanished: 0, moved: 0 };
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

  /** How long the last one took. */
  get lastSeconds(): number {
    return this.#lastSeconds;
  }

  /** Differences that events should have told, by cause, since the first inventory. */
  get corrections(): Readonly<Corrections> {
    return this.#corrections;
  }

  take(): Corrections {
    const started = performance.now();
    const { source, tasks, graph, now, drain } = this.#sources;
    tasks.expectInventory();
    const time = now();
    const listed = source.read();
    drain();
    const corrections = tasks.reconcile(listed, time);
    this.#follow(graph, tasks);
    // everything is new to the first one
    if (this.#count++ > 0) {
      this.#corrections.appeared += corrections.appeared;
      this.#corrections.vanished += corrections.vanished;
      this.#corrections.moved += corrections.moved;
    }
    this.#lastSeconds = (performance.now() - started) / 1000;
    return corrections;
  }

  #follow(graph: NamespaceGraph, tasks: Tasks): void {
    const gone: number[] = [];
    for (const tid of graph.tids()) if (tasks.get(tid) === undefined) gone.push(tid);
    // those that stay first, so that a namespace they share with one that went does not end in between
    for (const task of tasks.values()) graph.observe(task);
    for (const tid of gone) graph.forget(tid);
  }
}
