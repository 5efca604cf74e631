import { setImmediate } from "node:timers/promises";
import { type BpfObject, RingBuffer } from "@keyhole/libbpf";
import type { HostPath } from "../kernel/host-path.js";
import { type Attachment, type AttachRequest, attach } from "./attach.js";
import { CALLS, callTable, OPEN_CALLS } from "./calls.js";
import { detachLater, stopRecording } from "./detach.js";
import { type CaptureFilter, KernelFilter } from "./filter.js";
import { TaskIterator } from "./iterator.js";
import { setHostNamespaces, type WatchedOpens, watchOpens } from "./opens.js";
import type { ProgramReport } from "./programs.js";
import { Summaries } from "./summaries.js";
import { EVENT, Kind, Loss, Wire } from "./wire.js";

export type { ProgramReport } from "./programs.js";

export interface CaptureOptions {
  readonly attach: AttachRequest;
  readonly host: HostPath;
  /** Bytes; a power of two. */
  readonly ringSize: number;
  /** Leave out the calls of this thread group; 0 for none. */
  readonly excludePid: number;
  readonly filter: CaptureFilter;
  /** Records a second of one workload, beyond which its failed calls are counted instead; 0: no limit. */
  readonly rate: number;
  /** Inode numbers of the host's namespaces, where it is told which files are opened elsewhere; null: it is not. */
  readonly opens: { readonly mnt: number; readonly pid: number } | null;
}

/** What is missing since the programs were loaded, by reason. */
export interface CaptureLosses {
  /** Calls that found the ring full. */
  readonly "ring-full": bigint;
  /** Records of fork, exec and exit that did: no events, but what they would have told is found by an inventory. */
  readonly "ring-full-tasks": bigint;
  /** What the kernel holds of a call's strings: the call is told with those of user memory. */
  readonly "ring-full-strings": bigint;
  /** Calls of attach mode `fentry`, with more of them under way on one processor than there are buffers. */
  readonly "buffers-taken": bigint;
  /** Failed calls beyond their workload's rate that could not be counted either. */
  readonly "summary-full": bigint;
  /** Files opened by a workload beyond its rate of these; see bpf/limits.h. */
  readonly "opens-limit": bigint;
  /** Calls of a workload beyond its rate, while the ring was filling up. */
  readonly "workload-limit": bigint;
  readonly "clone-table-full": bigint;
  readonly "record-size": bigint;
}

const NO_FILTER: CaptureFilter = {
  cgroups: { include: [], exclude: [] },
  pidNamespaces: { include: [], exclude: [] },
  uids: { include: [], exclude: [] },
};

/** BUFFER_SIZE of bpf/field.h */
const MAX_RECORD = 30 * 1024;

/** Few enough that what they became is written, and garbage, before the next ones are read. */
const RECORDS_A_TURN = 256;

/** The programs of an attach mode, attached, and the ring that they write to. */
export class Capture {
  /** What is attached, why that, and what is not told for it. */
  readonly attachment: Attachment;
  readonly wire: Wire;
  readonly ring: RingBuffer;
  /** Reads all tasks; null where the kernel refused the iterator. */
  readonly iterator: TaskIterator | null;
  readonly summaries: Summaries;
  #lost = Buffer.alloc(0);
  #losses: CaptureLosses | null = null;
  #closed = false;
  readonly #object: BpfObject;

  private constructor(attachment: Attachment) {
    const { object } = attachment.loaded;
    this.attachment = attachment;
    this.#object = object;
    const iterator = attachment.links.get("tasks");
    this.iterator = iterator === undefined ? null : new TaskIterator(iterator);
    this.ring = new RingBuffer(object.map("ring"), { maxRecord: MAX_RECORD });
    this.wire = new Wire(this.ring.u8);
    this.summaries = new Summaries(object);
  }

  /**
   * Loads and attaches. Whatever can be attached is; what cannot stands in `reports`. Throws KEYHOLE_CAPTURE
   * when system calls cannot be seen at all, KEYHOLE_ATTACH when they cannot be seen in the mode that is asked for, and
   * KEYHOLE_FILTER.
   */
  static start(options: CaptureOptions): Capture {
    const filter = new KernelFilter(options.filter, options.host);
    const { opens } = options;
    const calls = callTable(process.arch, opens === null ? CALLS : [...CALLS, ...OPEN_CALLS]);
    const prepare = (object: BpfObject) => {
      object.setGlobal("calls", new Uint8Array(calls.buffer));
      object.setGlobal("agent_tgid", options.excludePid);
      object.map("ring").setMaxEntries(options.ringSize);
      filter.setGlobals(object);
      if (opens !== null) setHostNamespaces(object, opens);
      setLimits(object, options);
    };
    const attachment = attach(options.attach, prepare, opens !== null);
    const { loaded, links } = attachment;
    try {
      filter.fill(loaded.object.map("filters"));
      return new Capture(attachment);
    } catch (error) {
      for (const link of links.values()) link.detach();
      loaded.object.close();
      throw error;
    }
  }

  /** Every program that should be attached. */
  get reports(): readonly ProgramReport[] {
    return this.attachment.reports;
  }

  /** Hands the offset of each record to `onRecord` until {@link stop}; see RingBuffer.run of @keyhole/libbpf. */
  run(onRecord: (offset: number) => void, onBatch: (records: number) => void): Promise<void> {
    return this.ring.run(onRecord, { onBatch, limit: RECORDS_A_TURN });
  }

  /** Ends {@link run} soon. */
  stop(): void {
    this.ring.stop();
  }

  /** The same object as long as nothing more is lost: it is asked for after every batch. */
  losses(): CaptureLosses {
    const lost = this.#object.getGlobal("lost");
    if (this.#losses !== null && this.#lost.equals(lost)) return this.#losses;
    this.#lost = Buffer.from(lost);
    this.#losses = readLosses(lost);
    return this.#losses;
  }

  /** Calls that the filter left out. */
  filtered(): bigint {
    return new BigUint64Array(this.#object.getGlobal("filtered").slice().buffer)[0] ?? 0n;
  }

  /** How often the recursion guard skipped each program that is attached (Linux 5.12). */
  missed(): Readonly<Record<string, bigint>> {
    const attached = [...this.attachment.links.keys()];
    return Object.fromEntries(
      attached.map((name) => [name, this.#object.program(name).info().recursionMisses]),
    );
  }

  /**
   * While `behind`, workloads that use up more than a little of their burst are held back in the kernel, as they are while
   * the ring fills up: whoever reads the events is slower than they come.
   */
  hold(behind: boolean): void {
    // stdout is written to until the very end
    if (this.#closed) return;
    this.#object
      .map(".data.behind")
      .update(new Uint8Array(4), new Uint8Array(Uint32Array.of(Number(behind)).buffer));
  }

  /** Which files are told when they are opened, from now on; before, only those on mounts of others are. */
  watchOpens(watched: WatchedOpens): void {
    if (!this.#closed) watchOpens(this.#object, watched);
  }

  /** No record is written after this; what is in the ring can still be drained. */
  detach(): void {
    const { mode, links } = this.attachment;
    if (mode === "fentry") {
      if (links.size > 0) stopRecording(this.#object);
      detachLater(links.values());
    } else {
      for (const link of links.values()) link.detach();
    }
    links.clear();
  }

  /**
   * Gives `onRecord` what waits in the ring after {@link run} has ended, in turns, until `deadline` in milliseconds of
   * performance.now(). Resolves to how many calls were still there then: they are dropped.
   */
  async drainUntil(deadline: number, onRecord: (record: number) => void): Promise<number> {
    const { ring, wire } = this;
    while (ring.pending() > 0 && performance.now() < deadline) {
      ring.drain(onRecord, RECORDS_A_TURN);
      await setImmediate();
    }
    let left = 0;
    ring.drain((record) => {
      if (wire.u8(record + EVENT.kind) === Kind.syscall) left++;
    });
    return left;
  }

  /** After {@link run} has ended. */
  close(): void {
    this.#closed = true;
    this.detach();
    this.ring.close();
    this.#object.close();
  }
}

/**
 * Loads and attaches everything once, and takes it away again: what `keyhole doctor` shows. `opens` as in
 * {@link CaptureOptions}. Throws as {@link Capture.start}.
 */
export function tryPrograms(
  host: HostPath,
  request: AttachRequest,
  opens: CaptureOptions["opens"] = null,
): Attachment {
  const capture = Capture.start({
    attach: request,
    host,
    ringSize: 65536,
    excludePid: process.pid,
    filter: NO_FILTER,
    rate: 0,
    opens,
  });
  capture.close();
  return capture.attachment;
}

/** See bpf/limits.h: a workload may use up a second of its rate at once; half of the ring is kept for those within it. */
function setLimits(object: BpfObject, { rate, ringSize }: CaptureOptions): void {
  object.setGlobal("limit_interval", rate === 0 ? 0n : BigInt(Math.ceil(1e9 / rate)));
  object.setGlobal("limit_burst", 1_000_000_000n);
  object.setGlobal("limit_pressure", BigInt(ringSize / 2));
}

/** The counters of bpf/lost.h. */
function readLosses(lost: Uint8Array): CaptureLosses {
  const counts = new BigUint64Array(lost.slice().buffer);
  const of = (kind: number) => counts[kind] ?? 0n;
  return {
    "ring-full": of(Kind.syscall),
    "ring-full-tasks": of(Kind.fork) + of(Kind.exec) + of(Kind.exit) + of(Kind.moved),
    "ring-full-strings": of(Kind.copy),
    "buffers-taken": of(Loss.buffer),
    "summary-full": of(Loss.summary),
    "opens-limit": of(Loss.open),
    "workload-limit": of(Loss.workload),
    "clone-table-full": of(Loss.clone),
    "record-size": of(Loss.record),
  };
}
