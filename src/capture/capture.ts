import { type BpfLink, type BpfObject, LibbpfError, RingBuffer } from "@keyhole/libbpf";
import { KeyholeError } from "../errors.js";
import type { HostPath } from "../kernel/host-path.js";
import { callTable } from "./calls.js";
import { type CaptureFilter, KernelFilter } from "./filter.js";
import { TaskIterator } from "./iterator.js";
import { type LoadedObject, lastLines, loadObject, type ProgramFailure } from "./object.js";
import { Summaries } from "./summaries.js";
import { Kind, Loss, Wire } from "./wire.js";

export interface CaptureOptions {
  readonly host: HostPath;
  /** Bytes; a power of two. */
  readonly ringSize: number;
  /** Leave out the calls of this thread group; 0 for none. */
  readonly excludePid: number;
  readonly filter: CaptureFilter;
  /** Records a second of one workload, beyond which its failed calls are counted instead; 0: no limit. */
  readonly rate: number;
}

/** What became of one program, and what is lost without it. */
export interface ProgramReport {
  readonly program: string;
  readonly attached: boolean;
  readonly errno: string | null;
  readonly detail: string;
  readonly lacks: string;
}

/** Each program of bpf/capture.bpf.c, and what the agent cannot do without it. */
const PROGRAMS: Readonly<Record<string, string>> = {
  call_returned: "every system call event",
  task_created: "clone events that succeeded, and new tasks until the next inventory",
  task_executed: "the executables of processes that started after the last inventory",
  task_exited: "the end of processes until the next inventory",
  tasks: "inventories that are exact and cheap: tasks are read from /proc",
};

/** What is missing since the programs were loaded, by reason. */
export interface CaptureLosses {
  /** Calls that found the ring full. */
  readonly "ring-full": bigint;
  /** Records of fork, exec and exit that did: no events, but what they would have told is found by an inventory. */
  readonly "ring-full-tasks": bigint;
  /** Failed calls beyond their workload's rate that could not be counted either. */
  readonly "summary-full": bigint;
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

interface Attached {
  readonly object: BpfObject;
  readonly links: ReadonlyMap<string, BpfLink>;
  readonly reports: readonly ProgramReport[];
}

/** The programs of the attach mode `tracepoint`, attached, and the ring that they write to. */
export class Capture {
  readonly reports: readonly ProgramReport[];
  readonly wire: Wire;
  readonly ring: RingBuffer;
  /** Reads all tasks; null where the kernel refused the iterator. */
  readonly iterator: TaskIterator | null;
  readonly summaries: Summaries;
  readonly #object: BpfObject;
  readonly #links: Map<string, BpfLink>;

  private constructor({ object, links, reports }: Attached) {
    this.#object = object;
    this.#links = new Map(links);
    this.reports = reports;
    const iterator = links.get("tasks");
    this.iterator = iterator === undefined ? null : new TaskIterator(iterator);
    this.ring = new RingBuffer(object.map("ring"), { maxRecord: MAX_RECORD });
    this.wire = new Wire(this.ring.u8);
    this.summaries = new Summaries(object);
  }

  /**
   * Loads and attaches. Whatever can be attached is; what cannot stands in `reports`. Throws KEYHOLE_CAPTURE
   * when system calls cannot be seen at all, and KEYHOLE_FILTER.
   */
  static start(options: CaptureOptions): Capture {
    const filter = new KernelFilter(options.filter, options.host);
    const loaded = load(options, filter);
    const { object } = loaded;
    const links = new Map<string, BpfLink>();
    try {
      filter.fill(object.map("filters"));
      const reports = attach(loaded, links);
      const calls = reports.find(({ program }) => program === "call_returned");
      if (calls?.attached !== true) throw cannotCapture(calls?.detail ?? "no program", calls?.errno ?? null);
      return new Capture({ object, links, reports });
    } catch (error) {
      for (const link of links.values()) link.detach();
      object.close();
      throw error;
    }
  }

  /** Hands the offset of each record to `onRecord` until {@link stop}; see RingBuffer.run of @keyhole/libbpf. */
  run(onRecord: (offset: number) => void, onBatch: (records: number) => void): Promise<void> {
    return this.ring.run(onRecord, { onBatch, limit: RECORDS_A_TURN });
  }

  /** Ends {@link run} soon. */
  stop(): void {
    this.ring.stop();
  }

  losses(): CaptureLosses {
    const lost = this.#object.getGlobal("lost").slice();
    const counts = new BigUint64Array(lost.buffer, lost.byteOffset, lost.length >> 3);
    const of = (kind: number) => counts[kind] ?? 0n;
    return {
      "ring-full": of(Kind.syscall),
      "ring-full-tasks": of(Kind.fork) + of(Kind.exec) + of(Kind.exit) + of(Kind.moved),
      "summary-full": of(Loss.summary),
      "workload-limit": of(Loss.workload),
      "clone-table-full": of(Loss.clone),
      "record-size": of(Loss.record),
    };
  }

  /** Calls that the filter left out. */
  filtered(): bigint {
    return new BigUint64Array(this.#object.getGlobal("filtered").slice().buffer)[0] ?? 0n;
  }

  /** How often the recursion guard skipped each program that is attached. */
  missed(): Readonly<Record<string, bigint>> {
    const attached = this.reports.filter((report) => report.attached).map(({ program }) => program);
    return Object.fromEntries(
      attached.map((name) => [name, this.#object.program(name).info().recursionMisses]),
    );
  }

  /** No record is written after this; what is in the ring can still be drained. */
  detach(): void {
    for (const link of this.#links.values()) link.detach();
    this.#links.clear();
  }

  /** After {@link run} has ended. */
  close(): void {
    this.detach();
    this.ring.close();
    this.#object.close();
  }
}

/** Loads and attaches everything once, and takes it away again: what `keyhole doctor` shows. */
export function probePrograms(host: HostPath): ProgramReport[] {
  try {
    const capture = Capture.start({
      host,
      ringSize: 65536,
      excludePid: process.pid,
      filter: NO_FILTER,
      rate: 0,
    });
    capture.close();
    return [...capture.reports];
  } catch (error) {
    if (!(error instanceof KeyholeError)) throw error;
    return Object.keys(PROGRAMS).map((program) =>
      report(program, { program, errno: error.found ?? null, detail: error.message }),
    );
  }
}

function load(
  options: CaptureOptions,
  filter: KernelFilter,
): { object: BpfObject; failures: readonly ProgramFailure[] } {
  const prepare = (object: BpfObject) => {
    object.setGlobal("calls", new Uint8Array(callTable(process.arch).buffer));
    object.setGlobal("agent_tgid", options.excludePid);
    object.map("ring").setMaxEntries(options.ringSize);
    filter.setGlobals(object);
    setLimits(object, options);
  };
  try {
    return loadObject("capture", prepare);
  } catch (error) {
    if (!(error instanceof LibbpfError)) throw error;
    throw cannotCapture(lastLines(error), error.errno, error);
  }
}

/** See bpf/limits.h: a workload may use up a second of its rate at once; half of the ring is kept for those within it. */
function setLimits(object: BpfObject, { rate, ringSize }: CaptureOptions): void {
  object.setGlobal("limit_interval", rate === 0 ? 0n : BigInt(Math.ceil(1e9 / rate)));
  object.setGlobal("limit_burst", 1_000_000_000n);
  object.setGlobal("limit_pressure", BigInt(ringSize / 2));
}

/** Attaches every program that was loaded; the links go to `links` as they are made. */
function attach({ object, failures }: LoadedObject, links: Map<string, BpfLink>): ProgramReport[] {
  return object.programs.map((program) => {
    const refused = failures.find((failure) => failure.program === program.name);
    if (refused !== undefined) return report(program.name, refused);
    try {
      const isIterator = program.section.startsWith("iter/");
      links.set(program.name, isIterator ? program.attachIter() : program.attach());
      return report(program.name, null);
    } catch (error) {
      if (!(error instanceof LibbpfError)) throw error;
      return report(program.name, { program: program.name, errno: error.errno, detail: lastLines(error) });
    }
  });
}

function cannotCapture(detail: string, errno: string | null, cause?: unknown): KeyholeError {
  return new KeyholeError(`the BPF programs cannot be loaded: ${detail}`, {
    code: "KEYHOLE_CAPTURE",
    expected: "Linux 5.8 or newer with BTF, CAP_BPF and CAP_PERFMON (or CAP_SYS_ADMIN)",
    found: errno ?? "an object that this kernel refuses",
    hint: "keyhole doctor says what is missing",
    exitCode: 3,
    cause,
  });
}

function report(program: string, failure: ProgramFailure | null): ProgramReport {
  return {
    program,
    attached: failure === null,
    errno: failure?.errno ?? null,
    detail: failure?.detail ?? "attached",
    lacks: PROGRAMS[program] ?? "",
  };
}
