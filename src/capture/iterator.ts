import type { BpfLink } from "@keyhole/libbpf";
import type { Task } from "../namespaces/task.js";
import { EVENT, Flag, Wire } from "./wire.js";

/** All tasks of the node in one read of a BPF iterator (Linux 5.8). */
export class TaskIterator {
  readonly #link: BpfLink;

  /** `link`: the program `tasks` of bpf/inventory.h, attached. */
  constructor(link: BpfLink) {
    this.#link = link;
  }

  /**
   * Every thread group leader, and every thread whose namespaces or credentials are not its leader's.
   * Kernel threads are among them; zombies have no namespaces left and are not.
   */
  read(): Task[] {
    const bytes = this.#link.read();
    const wire = new Wire(new Uint8Array(bytes));
    const tasks: Task[] = [];
    for (let at = 0, length = 0; at < bytes.length; at += length) {
      length = wire.u32(at + EVENT.length);
      if (length < EVENT.sizeof) throw new Error(`a task of ${length} bytes in the inventory`);
      if ((wire.u32(at + EVENT.flags) & Flag.noNsproxy) === 0) tasks.push(wire.task(at));
    }
    return tasks;
  }
}
