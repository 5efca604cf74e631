/** A record of a system call made into the event that users see. */
import { decodeArguments } from "../capture/arguments.js";
import { ABI_NAMES, CALL_BY_OP, OPENS } from "../capture/calls.js";
import type { Clock } from "../capture/clock.js";
import { type MountFields, readMountFields } from "../capture/mount-fields.js";
import { readOpened } from "../capture/opened.js";
import type { SummaryRecord } from "../capture/summaries.js";
import { readTargets } from "../capture/target.js";
import { EVENT, type Field, FieldId, Flag, FSCONTEXT, type Wire } from "../capture/wire.js";
import type { Namespaces, ProcessRef, SyscallEvent, Unnumbered } from "../event.js";
import type { OpenedEntries } from "../exposures/opened-entries.js";
import { type NsInums, type NsLink, typeOfLink } from "../kernel/links.js";
import { isSince } from "../kernel/release.js";
import type { NamespaceGraph } from "../namespaces/graph.js";
import type { Task } from "../namespaces/task.js";
import type { Tasks } from "../namespaces/tasks.js";
import type { Containers } from "../workloads/containers.js";
import { type Changed, changedLinks, directionOf, NOTHING } from "./crossing.js";
import { identifyNamespaces } from "./identify.js";
import { type MountFacts, MountResolver } from "./mounts.js";
import { describeOpened, type OpenedSources } from "./opened.js";
import { askedOptions } from "./options.js";
import { type NewTask, outcomeOf } from "./outcome.js";
import { reasonOf } from "./reasons/reasons.js";
import { describeResult, type Ending } from "./result.js";
import { shownTarget } from "./target.js";

export interface ResolverSources {
  readonly clock: Clock;
  readonly tasks: Tasks;
  readonly graph: NamespaceGraph;
  readonly containers: Containers;
  /** Whether this kernel shows the ids of mount namespaces: NS_GET_MNTNS_ID, ioctl_nsfs(2). */
  readonly mountNamespaceIds: boolean;
}

/** What the stages after this one get: the event, and the caller as it is after the call. */
export interface ResolvedCall {
  readonly event: Unnumbered<SyscallEvent>;
  readonly task: Task;
  /** Of a call that concerns mounts; else null. */
  readonly mounts: MountFields | null;
}

/** What is the same for all calls of a task that stays who and where it is. */
interface Caller {
  /** How the records describe it. */
  readonly words: Uint32Array;
  parent: Task | undefined;
  process: ProcessRef;
  /** Of the graph, when `namespaces` was made. */
  generation: number;
  namespaces: Namespaces;
}

/** An event in the making. */
type Draft = { -readonly [Member in keyof Unnumbered<SyscallEvent>]: Unnumbered<SyscallEvent>[Member] };

/** Children that were made with namespaces of their own and whose clone has not returned yet. */
const MAX_PENDING_CHILDREN = 4096;

const CROSSINGS: ReadonlySet<string> = new Set(["setns", "unshare", "clone", "clone3"]);
const CLONES: ReadonlySet<string> = new Set(["clone", "clone3"]);
/** Calls whose descriptor is a mount, or makes one: what superblock it is on is what came of them. */
const ON_SUPERBLOCK: ReadonlySet<string> = new Set([
  ...["fsconfig", "fsmount", "fspick"],
  ...["open_tree", "open_tree_attr"],
]);
const OF_ITS_MOUNT: ReadonlySet<string> = new Set(["mount", "move_mount"]);
const NO_FACTS: MountFacts = {};
/** See {@link SyscallResolver.resolve}. */
export const UNTOLD = Symbol("an open that is not told");
const ABIS = ABI_NAMES[process.arch] ?? [];

export class SyscallResolver {
  readonly #sources: ResolverSources;
  /** By the tid of the parent: task_newtask comes before the return of clone. */
  readonly #children = new Map<number, NewTask>();

  readonly #callers = new WeakMap<Task, Caller>();
  /** Whose namespaces the graph was told the ids of. */
  readonly #identified = new WeakSet<Task>();
  readonly #mounts: MountResolver;
  #entries: OpenedEntries | null = null;
  #evictions = 0;

  constructor(sources: ResolverSources) {
    this.#sources = sources;
    this.#mounts = new MountResolver((inum) => sources.graph.ref("mnt", inum));
  }

  /** Tells the graph the unique ids that a record has for the namespaces `inums`. */
  identify(wire: Wire, fields: readonly Field[], inums: NsInums): void {
    identifyNamespaces(this.#sources.graph, wire, fields, inums, this.#sources.mountNamespaceIds);
  }

  /** What opened files are looked up in from now on. */
  useEntries(entries: OpenedEntries): void {
    this.#entries = entries;
  }

  #openedSources(): OpenedSources {
    const { tasks, containers, graph } = this.#sources;
    return { tasks, containers, entries: this.#entries, hostNs: graph.anchors.host };
  }

  /** Children that were forgotten before their clone returned. */
  get evictions(): number {
    return this.#evictions;
  }

  /** Mount namespaces whose newest mount was forgotten. */
  get mountEvictions(): number {
    return this.#mounts.evictions;
  }

  /** Remembers a child that got namespaces of its own, for the clone event that follows. */
  expectClone(parentTid: number, child: NewTask): void {
    if (this.#children.size >= MAX_PENDING_CHILDREN) {
      this.#children.delete(this.#children.keys().next().value!);
      this.#evictions++;
    }
    this.#children.set(parentTid, child);
  }

  /**
   * Decodes the record at `record` and takes over what it says about its task. Null for a call that this
   * agent does not know, UNTOLD for an open that is none of the catalogue's.
   */
  resolve(wire: Wire, record: number): ResolvedCall | typeof UNTOLD | null {
    const call = CALL_BY_OP[wire.u32(record + EVENT.op)];
    if (call === undefined) return null;
    const { clock, graph, containers } = this.#sources;
    const flags = wire.u32(record + EVENT.flags);
    const fields = wire.fields(record);
    const ioUring = (flags & Flag.ioUring) !== 0;
    const { args, truncated, unreadable, raw } = ioUring
      ? { args: {}, truncated: [], unreadable: {}, raw: {} }
      : decodeArguments(wire, record, call, fields);
    const result = describeResult(wire.i64(record + EVENT.ret), endingOf(flags));
    const succeeded = result.ret !== null && result.ret >= 0;
    const time = wire.u64(record + EVENT.time);
    const duration = durationOf(wire, fields);
    const tid = wire.u32(record + EVENT.tid);
    const isCrossing = CROSSINGS.has(call.name);
    const crossed = isCrossing && succeeded;
    const { task, before } = this.#callerOf(wire, record, tid, time);
    // whoever stays where it was keeps its namespaces, and with them their inode numbers
    if (crossed && !this.#identified.has(task)) {
      this.identify(wire, fields, task.ns);
      this.#identified.add(task);
    }
    if (task !== before) graph.observe(task);
    // whose act it was: after a crossing the caller may be in another container, or in none
    const container = containers.of(crossed ? (before ?? task) : task);
    const opened = OPENS.has(call.name) ? readOpened(wire, fields) : null;
    const file = opened === null ? null : describeOpened(this.#openedSources(), opened, { task, container });
    if (opened !== null && file === null) return UNTOLD;
    if (opened?.isWhole === false) truncated.push("file.path");
    if (typeof opened?.raw === "string") raw["file.path"] = opened.raw;
    const caller = this.#caller(wire, record, task);

    const isClone = crossed && CLONES.has(call.name);
    const child = this.#takeChild(task.tid, isClone);
    const changed = crossed ? this.#changed(before, task, isClone, child?.task) : NOTHING;
    if (changed !== null && changed !== NOTHING && call.name !== "setns") {
      const types = Object.keys(changed).map((link) => typeOfLink(link as NsLink));
      const birth = { call: call.name, pid: task.pid, time: clock.milliseconds(time) };
      graph.born(types, (child?.task ?? task).ns, birth);
    }
    const targets = readTargets(wire, fields);
    const { superblock } = targets;
    const mounts = MountResolver.concerns(call.name) ? readMountFields(wire, fields) : null;
    const mmShared = (flags & Flag.mmShared) !== 0;
    // what the kernel itself holds of the strings was written by nobody meanwhile
    const rewritable = mmShared && (flags & Flag.kernelStrings) === 0;
    const facts: MountFacts =
      mounts === null
        ? NO_FACTS
        : this.#mounts.resolve({ name: call.name, args, fields: mounts, superblock, rewritable, succeeded });
    // the superblock is that of the mount that was made or moved, or of none that can be told
    const isOutcome =
      succeeded && (OF_ITS_MOUNT.has(call.name) ? facts.mount !== undefined : ON_SUPERBLOCK.has(call.name));
    const outcome = outcomeOf(graph, task.ns, {
      known: result.outcome,
      superblock: isOutcome ? superblock : null,
      child,
      facts,
    });
    const target =
      call.name === "mount" ? undefined : shownTarget(this.#sources, call.name, succeeded, targets);
    const options = askedOptions(graph, call.name, {
      args,
      truncated,
      unreadable,
      target,
      value: mounts?.value ?? null,
      caller: task.ns,
    });
    // The members are put in one after another: with spreads this is the slowest function of all.
    const event = {
      time: clock.format(time - (duration ?? 0n)),
      type: "syscall",
      syscall: call.name,
      abi: ABIS[wire.u8(record + EVENT.abi)] ?? "unknown",
      duration_ns: duration === null ? null : Number(duration),
      args,
      strings: (flags & Flag.kernelStrings) === 0 ? "user-exit" : "kernel",
    } as Draft;
    if (mmShared) event.mm_shared = true;
    if (facts.resolved !== undefined) event.resolved = facts.resolved;
    if (truncated.length > 0) event.truncated = truncated;
    if (!isEmpty(unreadable)) event.unreadable = unreadable;
    if (!isEmpty(raw)) event.raw = raw;
    if (options !== undefined) event.options = options;
    event.ret = result.ret;
    if (result.errno !== undefined) {
      event.errno = result.errno;
      const reason = reasonOf(call.name, result.errno, {
        args,
        unreadable,
        target,
        options,
        stable: !rewritable,
        phase: phaseOf(wire, fields),
        created: superblock !== null,
        ns: task.ns,
        namespaces: caller.namespaces,
        graph,
        isSince,
      });
      if (reason !== undefined) event.reason = reason;
    }
    event.process = caller.process;
    event.container = container;
    event.namespaces = caller.namespaces;
    if (isCrossing) event.changed = changed;
    if (target !== undefined) event.target = target;
    if (crossed) event.direction = directionOf(graph, changed, call.name !== "setns");
    if (outcome !== undefined) event.outcome = outcome;
    if (file !== null) event.file = file;
    if (ioUring) event.via = "io_uring";
    return { task, mounts, event };
  }

  /** The event for failed calls that were counted in the kernel; null for a call that this agent does not know. */
  summarise({ wire, record, count, from, to }: SummaryRecord): Unnumbered<SyscallEvent> | null {
    const call = CALL_BY_OP[wire.u32(record + EVENT.op)];
    if (call === undefined) return null;
    const { clock, graph, containers, tasks } = this.#sources;
    const described = wire.task(record);
    const task = tasks.of(described) ?? described;
    const result = describeResult(wire.i64(record + EVENT.ret), endingOf(0));
    return {
      time: clock.format(to),
      type: "syscall",
      syscall: call.name,
      abi: ABIS[wire.u8(record + EVENT.abi)] ?? "unknown",
      duration_ns: null,
      args: {},
      strings: "user-exit",
      ret: result.ret,
      ...(result.errno === undefined ? undefined : { errno: result.errno }),
      process: processRef(task, tasks.get(task.ppid)),
      container: containers.of(task),
      namespaces: graph.refs(task.ns),
      // they failed, all of them
      ...(CROSSINGS.has(call.name) ? { changed: NOTHING } : undefined),
      ...(result.outcome === undefined ? undefined : { outcome: result.outcome }),
      summary: { count, from: clock.format(from), to: clock.format(to) },
    };
  }

  /** The task that the record is about, the same object as long as it stays who and where it is; and as it was. */
  #callerOf(wire: Wire, record: number, tid: number, time: bigint): { task: Task; before: Task | undefined } {
    const { tasks } = this.#sources;
    const known = tasks.get(tid);
    const words = known === undefined ? undefined : this.#callers.get(known)?.words;
    if (known !== undefined && words !== undefined && wire.isIdentity(record, words)) {
      return { task: known, before: known };
    }
    const described = wire.task(record);
    const before = tasks.before(described, time);
    return { task: tasks.update(described, time), before };
  }

  #caller(wire: Wire, record: number, task: Task): Caller {
    const { tasks, graph } = this.#sources;
    const parent = tasks.get(task.ppid);
    const { generation } = graph;
    let caller = this.#callers.get(task);
    if (caller === undefined) {
      const words = wire.identity(record);
      caller = {
        words,
        parent,
        process: processRef(task, parent),
        generation,
        namespaces: graph.refs(task.ns),
      };
      this.#callers.set(task, caller);
      return caller;
    }
    if (caller.parent !== parent) {
      caller.parent = parent;
      caller.process = processRef(task, parent);
    }
    if (caller.generation !== generation) {
      caller.generation = generation;
      caller.namespaces = graph.refs(task.ns);
    }
    return caller;
  }

  /** Any other call of the parent means that the record of its clone was lost, or filtered. */
  #takeChild(tid: number, isClone: boolean): NewTask | undefined {
    const child = this.#children.get(tid);
    if (child === undefined) return undefined;
    this.#children.delete(tid);
    return isClone ? child : undefined;
  }

  /**
   * Of a clone, the caller stays where it is and the child is elsewhere. Null where it is not known where the child is,
   * or where the caller was before.
   */
  #changed(before: Task | undefined, after: Task, isClone: boolean, child: Task | undefined): Changed | null {
    const { graph } = this.#sources;
    if (isClone) return child === undefined ? null : changedLinks(graph, after.ns, child.ns);
    return before === undefined ? null : changedLinks(graph, before.ns, after.ns);
  }
}

/** Of the fs context behind the descriptor, enum fs_context_phase; null where there is none. */
function phaseOf(wire: Wire, fields: readonly Field[]): number | null {
  for (const { id, at } of fields) if (id === FieldId.fscontext) return wire.u32(at + FSCONTEXT.phase);
  return null;
}

function isEmpty(members: object): boolean {
  for (const _ in members) return false;
  return true;
}

/** Nanoseconds between the entry and the return of the call; null where its entry was not seen. */
function durationOf(wire: Wire, fields: readonly Field[]): bigint | null {
  // the first field where it is known: bpf/record.h
  const field = fields[0];
  return field?.id === FieldId.duration ? wire.u64(field.at) : null;
}

function endingOf(flags: number): Ending {
  return { sigsys: (flags & Flag.sigsys) !== 0, killed: (flags & Flag.killed) !== 0 };
}

function processRef(task: Task, parent: Task | undefined): ProcessRef {
  return {
    pid: task.pid,
    tid: task.tid,
    ppid: task.ppid,
    uid: task.uid,
    gid: task.gid,
    comm: task.comm,
    exe: task.exe,
    start: String(task.start),
    ns_pid: task.nsPid === 0 ? null : task.nsPid,
    parent: parent === undefined ? null : { comm: parent.comm, exe: parent.exe },
  };
}
