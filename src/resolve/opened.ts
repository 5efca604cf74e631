/** What a container's task has opened, and whether that is worth telling: the kernel side says yes to some more. */
import type { OpenedRecord } from "../capture/opened.js";
import type { ContainerRef, OpenedFile } from "../event.js";
import type { Entry } from "../exposures/entry.js";
import type { OpenedEntries } from "../exposures/opened-entries.js";
import { LINK_INDEX, type NsInums, type NsType } from "../kernel/links.js";
import type { Task } from "../namespaces/task.js";
import type { Tasks } from "../namespaces/tasks.js";
import type { Containers } from "../workloads/containers.js";

export interface OpenedSources {
  readonly tasks: Tasks;
  readonly containers: Containers;
  /** Null until it has been read. */
  readonly entries: OpenedEntries | null;
  /** Of the host. */
  readonly hostNs: NsInums;
}

/**
 * Null where it is not told: the caller is in no container, or the catalogue does not have the file after all. Whoever is in
 * another pid namespace than the host is in a container, known or not.
 */
export function describeOpened(
  sources: OpenedSources,
  opened: OpenedRecord,
  { task, container }: { readonly task: Task; readonly container: ContainerRef | null },
): OpenedFile | null {
  if (container === null && task.ns[LINK_INDEX.pid] === sources.hostNs[LINK_INDEX.pid]) return null;
  const { fsType, dev, inode, path, access, isForeign, isRuntime, process } = opened;
  const of = process === null ? null : { pid: process.pid, container: containerOf(sources, process) };
  const isOfOthers = of === null || container === null || of.container?.id !== container.id;
  const entry = isOfOthers ? entryOf(sources, opened, task.ns) : null;
  if (entry === null && !isForeign && !isRuntime) return null;
  const file = { fs_type: fsType, dev, inode: String(inode), path, access, entry: entry?.id ?? null };
  return {
    ...file,
    ...(of === null ? undefined : { of }),
    ...(isForeign ? { foreign_mount: true as const } : undefined),
    ...(isRuntime ? { runtime: true as const } : undefined),
  };
}

/** The entry that the file is, where it is opened in a way that the entry is about. */
function entryOf(
  { entries, hostNs }: OpenedSources,
  { fsType, process, access, isEntry, isWhole, path }: OpenedRecord,
  ns: NsInums,
): Entry | null {
  if (!isEntry || !isWhole || entries === null) return null;
  const found = entries.find(fsType, path, process !== null);
  if (found === null) return null;
  const demanded = isShared(found.entry.scope, ns, hostNs) ? found.sharedAccess : found.access;
  return access.some((name) => demanded.includes(name)) ? found.entry : null;
}

/** Whether the namespace that an entry belongs to is the host's. */
function isShared(scope: Entry["scope"], ns: NsInums, hostNs: NsInums): boolean {
  if (scope === "global" || scope === "process") return true;
  const link = LINK_INDEX[scope satisfies NsType];
  return ns[link] === hostNs[link];
}

function containerOf(
  { tasks, containers }: OpenedSources,
  { pid, start }: { readonly pid: number; readonly start: bigint },
): ContainerRef | null {
  const task = tasks.get(pid);
  return task === undefined || task.start !== start ? null : containers.of(task);
}
