import type { BpfLink, BpfObject } from "@keyhole/libbpf";
import type { Task } from "../namespaces/task.js";
import { loadObject } from "./object.js";
import { EVENT, Flag, Wire } from "./wire.js";

/** All tasks of the node in one read of a BPF iterator (Linux 5.8). */
export class TaskIterator {
  readonly #object: BpfObject;
  readonly #link: BpfLink;

  private constructor(object: BpfObject, link: BpfLink) {
    this.#object = object;
    this.#link = link;
  }

  /** Throws LibbpfError where the kernel refuses it. */
  static open(): TaskIterator {
    const { object } = loadObject("inventory");
    try {
      return new TaskIterator(object, object.program("tasks").attachIter());
    } catch (error) {
      object.close();
      throw error;
    }
  }

  /**
   * Every thread group leader, and every thread whose namespaces or credentials are not its leader's.
   * Kernel threads are among them; zombies have no namespaces left and are not.
   */
  read(): Task[] {
    const bytes = this.#link.read();
    const wire = new Wire(new Uint8Array(bytes));
    const tasks: Task[] = [];
    for (let at = 0; at < bytes.length; at += wire.u32(at + EVENT.length)) {
      if ((wire.u32(at + EVENT.flags) & Flag.noNsproxy) === 0) tasks.push(wire.task(at));
    }
    return tasks;
  }

  close(): void {
    this.#link.detach();
    this.#object.close();
  }
}
