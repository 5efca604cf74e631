import type { Capture } from "./capture/capture.js";
import { EVENT, Kind, WIRE_VERSION, type Wire } from "./capture/wire.js";
import type { ExposureWatch } from "./exposures/watch.js";
import type { Stories } from "./mounts/stories.js";
import type { NamespaceGraph } from "./namespaces/graph.js";
import type { Tasks } from "./namespaces/tasks.js";
import type { NodeView } from "./node-view.js";
import type { Publisher } from "./publish/publisher.js";
import type { KernelCopies } from "./resolve/kernel-copies.js";
import { type SyscallResolver, UNTOLD } from "./resolve/syscall.js";

/** CLONE_NEW* of clone(2) and clone3(2), include/uapi/linux/sched.h. */
const CLONE_NEW = 0x7e020080n;

/** What a record goes through. */
export interface Stages {
  readonly capture: Capture;
  readonly tasks: Tasks;
  readonly graph: NamespaceGraph;
  readonly copies: KernelCopies;
  readonly resolver: SyscallResolver;
  readonly publisher: Publisher;
  readonly exposures: ExposureWatch;
  readonly stories: Stories;
  readonly view: NodeView;
}

export interface RecordsOptions {
  /** A call changed mounts that the view knows. */
  readonly onMounts: () => void;
  /** The first record that could not be told. */
  readonly onError: (error: unknown) => void;
}

/** Takes each record of the ring through the stages, in the order in which the kernel wrote them. */
export class Records {
  readonly #stages: Stages;
  readonly #options: RecordsOptions;
  #applied = 0n;
  #undecoded = 0;

  constructor(stages: Stages, options: RecordsOptions) {
    this.#stages = stages;
    this.#options = options;
  }

  /** When the record that was taken last was written, CLOCK_BOOTTIME in nanoseconds. */
  get applied(): bigint {
    return this.#applied;
  }

  /** Records that could not be made into events. */
  get undecoded(): number {
    return this.#undecoded;
  }

  /** Takes the record at this offset of the ring; throws nothing. */
  readonly take = (record: number): void => {
    try {
      this.#take(this.#stages.capture.wire, record);
    } catch (error) {
      if (this.#undecoded++ === 0) this.#options.onError(error);
    }
  };

  #take(wire: Wire, record: number): void {
    if (wire.bytes.readUInt16LE(record + EVENT.version) !== WIRE_VERSION)
      throw new Error("another wire version");
    const time = wire.u64(record + EVENT.time);
    this.#applied = time;
    switch (wire.u8(record + EVENT.kind)) {
      case Kind.syscall:
        this.#call(wire, record);
        return;
      case Kind.copy:
        this.#stages.copies.keep(wire, record);
        return;
      case Kind.moved:
        this.#moved(wire, record, time);
        return;
      case Kind.fork:
        this.#fork(wire, record, time);
        return;
      case Kind.exec:
        this.#exec(wire, record, time);
        return;
      case Kind.exit:
        this.#exit(wire, record);
        return;
      default:
        throw new Error("a kind of record that is not known");
    }
  }

  #call(wire: Wire, record: number): void {
    const { copies, resolver, publisher, exposures, stories, view } = this.#stages;
    const call = copies.join(wire, record);
    const resolved = resolver.resolve(call.wire, call.record);
    if (resolved === null) throw new Error("a call that is not in the table");
    if (resolved === UNTOLD) return;
    const { event, task, mounts } = resolved;
    exposures.onCall(publisher.publish(event), task);
    if (mounts !== null) stories.onCall(event, mounts, task);
    if (view.onCall(event, task)) this.#options.onMounts();
  }

  #moved(wire: Wire, record: number, time: bigint): void {
    const { tasks, resolver, graph } = this.#stages;
    const task = tasks.update(wire.task(record), time);
    resolver.identify(wire, wire.fields(record), task.ns);
    graph.observe(task);
  }

  #fork(wire: Wire, record: number, time: bigint): void {
    const { tasks, resolver, graph, exposures } = this.#stages;
    const flags = wire.arg(record, 0);
    const parentTid = Number(wire.arg(record, 1));
    const child = tasks.fork(wire.task(record), parentTid, time);
    exposures.onFork(child, parentTid);
    if ((flags & CLONE_NEW) !== 0n) {
      resolver.identify(wire, wire.fields(record), child.ns);
      resolver.expectClone(parentTid, { task: child, flags });
    }
    graph.observe(child);
  }

  #exec(wire: Wire, record: number, time: bigint): void {
    const { tasks, graph, exposures, stories } = this.#stages;
    const oldTid = Number(wire.arg(record, 0));
    const task = tasks.exec(wire.task(record), oldTid, time);
    if (oldTid !== task.tid) graph.forget(oldTid);
    graph.observe(task);
    exposures.onExec(task);
    stories.onExec(task);
  }

  #exit(wire: Wire, record: number): void {
    const { tasks, graph, stories } = this.#stages;
    const tid = wire.u32(record + EVENT.tid);
    tasks.exit(tid);
    graph.forget(tid);
    stories.onExit(wire.u32(record + EVENT.pid));
  }
}
