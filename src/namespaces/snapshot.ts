import { type BpfObject, LibbpfError } from "@keyhole/libbpf";
import { TaskIterator } from "../capture/iterator.js";
import { loadObject } from "../capture/object.js";
import type { HostPath } from "../kernel/host-path.js";
import { listNamespaces } from "../kernel/listns.js";
import { readProcTasks } from "../kernel/proc-tasks.js";
import { MountTables } from "../mounts/mount-tables.js";
import { type ProcfsSuperblockList, ProcfsSuperblocks } from "../mounts/superblocks.js";
import { NamespaceGraph } from "./graph.js";
import { mountNamespaces } from "./mount-namespaces.js";
import { NsHolderReader, type NsMounts, nsMountsOf } from "./ns-holders.js";
import { OpenFileReader, type OpenFiles } from "./open-files.js";
import { readProcOpenFiles } from "./proc-open-files.js";
import type { Task } from "./task.js";

/** What a one-shot command wants to know. */
export interface SnapshotWants {
  readonly tasks: boolean;
  /** Zombies among the tasks, which are in their pid and user namespaces still; /proc shows them always. */
  readonly zombies?: boolean;
  /** What open files hold, and with it what mounts of namespace files do. */
  readonly openFiles?: boolean;
  /** The mount tables. */
  readonly mounts?: boolean;
  readonly superblocks?: boolean;
}

/** The node as it was found by one look. */
export interface NodeSnapshot {
  readonly host: HostPath;
  readonly tasks: readonly Task[];
  readonly graph: NamespaceGraph;
  /** How the tasks were read. */
  readonly via: "bpf" | "proc";
  /** Null where it was not wanted, or cannot be had. */
  readonly openFiles: OpenFiles | null;
  /** Mounts of namespace files, wanted with the open files; null where they cannot be had. */
  readonly nsMounts: NsMounts | null;
  readonly superblocks: ProcfsSuperblockList | null;
  /** Reads them again, until {@link close}; null as above. */
  superblocksAgain(): ProcfsSuperblockList | null;
  /** Without any table where they were not wanted. */
  readonly tables: MountTables;
  /** What was wanted and could not be had as it should be, a sentence each without its end. */
  readonly incomplete: readonly string[];
  /** Gives up what the snapshot was read with; what was read stays. */
  close(): void;
}

/** By which program of bpf/probes.bpf.c each thing is read; null where it is not wanted, or the kernel refuses. */
interface Readers {
  readonly tasks: TaskIterator | null;
  readonly openFiles: OpenFileReader | null;
  readonly nsHolders: NsHolderReader | null;
  readonly superblocks: ProcfsSuperblocks | null;
  close(): void;
}

const NO_READERS: Readers = { tasks: null, openFiles: null, nsHolders: null, superblocks: null, close() {} };

/**
 * Looks at the whole node once: by BPF where that can be used, else at /proc. What could not be read stands in
 * `incomplete`. Joins no namespace and touches no path of a container.
 */
export function takeSnapshot(host: HostPath, wants: SnapshotWants): NodeSnapshot {
  const incomplete: string[] = [];
  const readers = openReaders(host, wants);
  const graph = new NamespaceGraph({ host });

  let tasks: readonly Task[] = [];
  if (wants.tasks) {
    if (readers.tasks === null)
      incomplete.push("tasks are read from /proc, which misses what comes and goes");
    tasks = readers.tasks?.read(wants.zombies) ?? readProcTasks(host);
    graph.takeInventory(tasks, [], readers.tasks?.namespaces ?? []);
  }

  const openFiles = wants.openFiles === true ? (readers.openFiles?.read() ?? readProcOpenFiles(host)) : null;
  const superblocks = readers.superblocks?.read() ?? null;
  let nsMounts = orNull(() => readers.nsHolders?.read() ?? null);
  const listed = wants.openFiles === true ? listNamespaces() : null;
  graph.look({
    files: openFiles,
    mounts: nsMounts,
    superblocks: superblocks?.superblocks ?? null,
    listed: listed?.ok === true ? listed.value : null,
  });

  // after that, since only a descriptor may hold a mount namespace
  const tables = new MountTables({ host });
  if (wants.mounts === true) {
    tables.refresh(mountNamespaces(graph, tasks));
    if (nsMounts === null) {
      nsMounts = nsMountsOf(tables.all());
      graph.look({ files: null, mounts: nsMounts, superblocks: null });
    }
  }

  if (wants.openFiles === true) {
    if (readers.openFiles === null) incomplete.push("of open files only those of namespaces are told");
    if (openFiles !== null && openFiles.skipped > 0)
      incomplete.push(`${openFiles.skipped} descriptors are left out, of processes that have very many`);
    if (nsMounts?.complete !== true) incomplete.push("not all namespaces that only a mount holds are found");
  }
  if (wants.superblocks === true && superblocks?.complete !== true)
    incomplete.push("the kernel's list of procfs superblocks could not be read as a whole");

  const via = readers.tasks === null ? "proc" : "bpf";
  return {
    host,
    tasks,
    graph,
    via,
    openFiles,
    nsMounts,
    superblocks,
    superblocksAgain: () => readers.superblocks?.read() ?? null,
    tables,
    incomplete,
    close: readers.close,
  };
}

/**
 * Reads all tasks, for who looks again and again and needs nothing else. Throws LibbpfError where BPF cannot be used.
 */
export function taskReader(): TaskIterator {
  const object = loadPrograms(new Set(["tasks"]));
  try {
    return new TaskIterator(object.program("tasks").attachIter());
  } finally {
    // the link keeps what it needs
    object.close();
  }
}

function openReaders(host: HostPath, wants: SnapshotWants): Readers {
  const programs = programsOf(wants);
  const object = programs.size === 0 ? null : orNull(() => loadPrograms(programs));
  if (object === null) return NO_READERS;
  const files = wants.openFiles === true;
  const tasks = wants.tasks ? orNull(() => new TaskIterator(object.program("tasks").attachIter())) : null;
  const openFiles = files ? OpenFileReader.open(object) : null;
  const nsHolders = files ? new NsHolderReader(object, host) : null;
  const superblocks = wants.superblocks === true ? orNull(() => new ProcfsSuperblocks(object, host)) : null;
  return {
    tasks,
    openFiles,
    nsHolders,
    superblocks,
    close() {
      tasks?.close();
      openFiles?.close();
      nsHolders?.close();
      superblocks?.close();
      object.close();
    },
  };
}

/** The programs of bpf/probes.bpf.c that each thing is read by. */
function programsOf({ tasks, openFiles, superblocks }: SnapshotWants): ReadonlySet<string> {
  const programs = new Set<string>();
  if (tasks) programs.add("tasks");
  if (openFiles === true) programs.add("open_files").add("ns_mounts").add("procfs_namespaces");
  if (superblocks === true) programs.add("procfs_superblocks");
  return programs;
}

/** The object of bpf/probes.bpf.c with these of its programs. Throws LibbpfError. */
function loadPrograms(wanted: ReadonlySet<string>): BpfObject {
  return loadObject("probes", ({ programs }) => {
    for (const program of programs) if (!wanted.has(program.name)) program.setAutoload(false);
  }).object;
}

/** Null where the kernel refuses what BPF would need. */
function orNull<T>(act: () => T): T | null {
  try {
    return act();
  } catch (error) {
    if (error instanceof LibbpfError) return null;
    throw error;
  }
}
