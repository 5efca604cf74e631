import type { BpfLink } from "@keyhole/libbpf";
import type { NamespaceFacts } from "../namespaces/facts.js";
import type { Task } from "../namespaces/task.js";
import { readNamespaces } from "./namespace-facts.js";
import { EVENT, Flag, Wire } from "./wire.js";

/** All tasks of the node in one read of a BPF iterator (Linux 5.8). */
export class TaskIterator {
  readonly #link: BpfLink;
  #namespaces: readonly NamespaceFacts[] = [];

  /** `link`: the program `tasks` of bpf/inventory.h, attached. */
  constructor(link: BpfLink) {
    this.#link = link;
  }

  /** What the last {@link read} told of the namespaces that tasks are in, and of all above those. */
  get namespaces(): readonly NamespaceFacts[] {
    return this.#namespaces;
  }

  /**
   * Every thread group leader, and every thread whose namespaces or credentials are not its leader's. Kernel threads are
   * among them. Zombies are where that is asked for: they have left all their namespaces but those of pid and user.
   */
  read(zombies = false): Task[] {
    const bytes = this.#link.read();
    const wire = new Wire(new Uint8Array(bytes));
    const tasks: Task[] = [];
    const namespaces: NamespaceFacts[] = [];
    for (let at = 0, length = 0; at < bytes.length; at += length) {
      length = wire.u32(at + EVENT.length);
      if (length < EVENT.sizeof) throw new Error(`a task of ${length} bytes in the inventory`);
      const fields = wire.fields(at);
      readNamespaces(wire, fields, namespaces);
      if (zombies || (wire.u32(at + EVENT.flags) & Flag.noNsproxy) === 0) tasks.push(wire.task(at, fields));
    }
    this.#namespaces = namespaces;
    return tasks;
  }

  /** Ends the iterator; what was read stays. */
  close(): void {
    this.#link.detach();
  }
}
