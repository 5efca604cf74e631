/** A record of a system call made into the event that users see. */
import { decodeArguments } from "../capture/arguments.js";
import { ABI_NAMES, CALL_BY_OP } from "../capture/calls.js";
import type { Clock } from "../capture/clock.js";
import { type MountFields, readMountFields } from "../capture/mount-fields.js";
import type { SummaryRecord } from "../capture/summaries.js";
import {
  type FsContextTarget,
  type NsfsTarget,
  type PidfdTarget,
  readTargets,
  type Superblock,
} from "../capture/target.js";
import { EVENT, type Field, Flag, type Wire } from "../capture/wire.js";
import type { Namespaces, Outcome, ProcessRef, SyscallEvent, Target, Unnumbered } from "../event.js";
import { LINK_INDEX, type NsInums } from "../kernel/links.js";
import type { NamespaceGraph } from "../namespaces/graph.js";
import type { Task } from "../namespaces/task.js";
import type { Tasks } from "../namespaces/tasks.js";
import type { Containers } from "../workloads/containers.js";
import { changedLinks, directionOf } from "./crossing.js";
import { identifyNamespaces } from "./identify.js";
import { type MountFacts, MountResolver } from "./mounts.js";
import { describeResult } from "./result.js";

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

/** Children that were made with namespaces of their own and whose clone has not returned yet. */
const MAX_PENDING_CHILDREN = 4096;

const CROSSINGS = new Set(["setns", "unshare", "clone", "clone3"]);
const CLONES = new Set(["clone", "clone3"]);
/** Calls whose descriptor is a mount, or makes one: what superblock it is on is what came of them. */
const ON_SUPERBLOCK = new Set(["fsconfig", "fsmount", "fspick", "open_tree", "open_tree_attr", "move_mount"]);
const NO_FACTS: MountFacts = {};
const ABIS = ABI_NAMES[process.arch] ?? [];
const PID = LINK_INDEX.pid;

export class SyscallResolver {
  readonly #sources: ResolverSources;
  /** By the tid of the parent: task_newtask comes before the return of clone. */
  readonly #children = new Map<number, Task>();

  readonly #callers = new WeakMap<Task, Caller>();
  readonly #mounts: MountResolver;
  #evictions = 0;

  constructor(sources: ResolverSources) {
    this.#sources = sources;
    this.#mounts = new MountResolver((inum) => sources.graph.ref("mnt", inum));
  }

  /** Tells the graph the unique ids that a record has for the namespaces `inums`. */
  identify(wire: Wire, fields: readonly Field[], inums: NsInums): void {
    identifyNamespaces(this.#sources.graph, wire, fields, inums, this.#sources.mountNamespaceIds);
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
  expectClone(parentTid: number, child: Task): void {
    if (this.#children.size >= MAX_PENDING_CHILDREN) {
      this.#children.delete(this.#children.keys().next().value!);
      this.#evictions++;
    }
    this.#children.set(parentTid, child);
  }

  /**
   * Decodes the record at `record` and takes over what it says about its task. Null for a call that this
   * agent does not know.
   */
  resolve(wire: Wire, record: number): ResolvedCall | null {
    const call = CALL_BY_OP[wire.u32(record + EVENT.op)];
    if (call === undefined) return null;
    const { clock, graph, containers } = this.#sources;
    const flags = wire.u32(record + EVENT.flags);
    const fields = wire.fields(record);
    const { args, truncated, unreadable, raw } = decodeArguments(wire, record, call, fields);
    const result = describeResult(wire.i64(record + EVENT.ret), (flags & Flag.sigsys) !== 0);
    const time = wire.u64(record + EVENT.time);
    const tid = wire.u32(record + EVENT.tid);
    const crossing = CROSSINGS.has(call.name) && result.ret !== null && result.ret >= 0;
    const { task, before } = this.#callerOf(wire, record, tid, time);
    if (crossing) this.identify(wire, fields, task.ns);
    if (task !== before) graph.observe(task);
    const caller = this.#caller(wire, record, task);

    const child = this.#takeChild(task.tid, crossing && CLONES.has(call.name));
    const changed = crossing ? this.#changed(before, task, child) : undefined;
    const { target, superblock } = readTargets(wire, fields);
    const succeeded = result.ret !== null && result.ret >= 0;
    const mounts = MountResolver.concerns(call.name) ? readMountFields(wire, fields) : null;
    const mmShared = (flags & Flag.mmShared) !== 0;
    const facts: MountFacts =
      mounts === null
        ? NO_FACTS
        : this.#mounts.resolve({ name: call.name, args, fields: mounts, superblock, mmShared, succeeded });
    // of mount(2) the superblock is that of the mount it made, or of none that can be told
    const isOutcome =
      succeeded && (call.name === "mount" ? facts.mount !== undefined : ON_SUPERBLOCK.has(call.name));
    const outcome = this.#outcome(result.outcome, isOutcome ? superblock : null, child, facts);
    const shownTarget = call.name === "mount" ? undefined : this.#target(target, superblock);

    return {
      task,
      mounts,
      event: {
        time: clock.format(time),
        type: "syscall",
        syscall: call.name,
        abi: ABIS[wire.u8(record + EVENT.abi)] ?? "unknown",
        duration_ns: null,
        args,
        strings: "user-exit",
        ...(mmShared ? { mm_shared: true as const } : undefined),
        ...(facts.resolved === undefined ? undefined : { resolved: facts.resolved }),
        ...(truncated.length === 0 ? undefined : { truncated }),
        ...(Object.keys(unreadable).length === 0 ? undefined : { unreadable }),
        ...(Object.keys(raw).length === 0 ? undefined : { raw }),
        ret: result.ret,
        ...(result.errno === undefined ? undefined : { errno: result.errno }),
        process: caller.process,
        // whose act it was: after a crossing the caller may be in another container, or in none
        container: containers.of(crossing ? (before ?? task) : task),
        namespaces: caller.namespaces,
        ...(changed === undefined ? undefined : { changed }),
        ...(shownTarget === undefined ? undefined : { target: shownTarget }),
        ...(crossing && before !== undefined ? { direction: directionOf(graph, changed) } : undefined),
        ...(outcome === undefined ? undefined : { outcome }),
      },
    };
  }

  /** The event for failed calls that were counted in the kernel; null for a call that this agent does not know. */
  summarise({ wire, record, count, from, to }: SummaryRecord): Unnumbered<SyscallEvent> | null {
    const call = CALL_BY_OP[wire.u32(record + EVENT.op)];
    if (call === undefined) return null;
    const { clock, graph, containers, tasks } = this.#sources;
    const described = wire.task(record);
    const task = tasks.of(described) ?? described;
    const result = describeResult(wire.i64(record + EVENT.ret), false);
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
  #takeChild(tid: number, isClone: boolean): Task | undefined {
    const child = this.#children.get(tid);
    if (child === undefined) return undefined;
    this.#children.delete(tid);
    return isClone ? child : undefined;
  }

  /** Of a clone, the caller stays where it is and the child is elsewhere. */
  #changed(before: Task | undefined, after: Task, child: Task | undefined) {
    const { graph } = this.#sources;
    if (child !== undefined) return changedLinks(graph, after.ns, child.ns);
    return before === undefined ? undefined : changedLinks(graph, before.ns, after.ns);
  }

  #outcome(
    known: Outcome | undefined,
    superblock: Superblock | null,
    child: Task | undefined,
    { mount, root }: MountFacts,
  ): Outcome | undefined {
    const procfs = superblock?.procfs;
    const nothing = known === undefined && child === undefined && mount === undefined && root === undefined;
    if (nothing && (procfs === undefined || procfs === null)) return undefined;
    return {
      ...known,
      ...(mount === undefined ? undefined : { mount }),
      ...(root === undefined ? undefined : { root }),
      ...(child === undefined
        ? undefined
        : { child: { pid: child.pid, namespaces: this.#sources.graph.refs(child.ns) } }),
      ...(superblock === null || procfs === undefined || procfs === null
        ? undefined
        : {
            procfs: {
              dev: superblock.dev,
              pid_ns: procfs.pidNs,
              user_ns: superblock.userNs,
              hidepid: procfs.hidepid,
              gid: procfs.gid,
              subset: procfs.subset,
            },
          }),
    };
  }

  #target(
    target: NsfsTarget | PidfdTarget | FsContextTarget | null,
    superblock: Superblock | null,
  ): Target | undefined {
    if (target === null) {
      if (superblock === null) return undefined;
      return { via: "mount", fs_type: superblock.fsType, dev: superblock.dev };
    }
    switch (target.via) {
      case "nsfs": {
        const id = target.id === 0n ? null : String(target.id);
        return { via: "nsfs", type: target.type, inum: target.inum, id };
      }
      case "fscontext":
        return { via: "fscontext", fs_type: target.fsType, purpose: target.purpose, user_ns: target.userNs };
      case "pidfd":
        return this.#processTarget(target);
    }
  }

  #processTarget(target: PidfdTarget): Target {
    const { graph, containers, tasks } = this.#sources;
    const alive = target.pid !== 0;
    const task = alive ? tasks.of(target) : undefined;
    return {
      via: "pidfd",
      pid: target.pid,
      tid: target.tid,
      comm: alive ? target.comm : null,
      namespaces: alive ? graph.refs(target.ns) : null,
      container: task === undefined || isHostTask(graph, target.ns) ? null : containers.of(task),
    };
  }
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

function isHostTask(graph: NamespaceGraph, ns: NsInums): boolean {
  return graph.isHost("pid", ns[PID]!) && graph.isHost("mnt", ns[LINK_INDEX.mnt]!);
}
