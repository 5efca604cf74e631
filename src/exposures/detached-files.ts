import { LINK_INDEX, type NsInums } from "../kernel/links.js";
import type { ProcfsFile } from "../namespaces/open-files.js";
import type { Task } from "../namespaces/task.js";
import { isRuntimeAtWork } from "../workloads/runtimes.js";

/** Descriptors of one container that are kept: one is enough for a finding. */
const MAX_FILES = 64;

export interface DetachedSources {
  readonly hostNs: NsInums;
  taskOf(pid: number): Task | undefined;
  containerOf(task: Task): string | null;
}

/**
 * Descriptors on procfs mounts that are in no mount table, by the id of the container whose task holds them. A runtime that
 * makes a container ready holds one by design.
 */
export function detachedByContainer(
  files: readonly ProcfsFile[],
  { hostNs, taskOf, containerOf }: DetachedSources,
): Map<string, ProcfsFile[]> {
  const found = new Map<string, ProcfsFile[]>();
  for (const file of files) {
    const task = taskOf(file.pid);
    if (task === undefined || task.ns[LINK_INDEX.mnt] === hostNs[LINK_INDEX.mnt]) continue;
    const container = containerOf(task);
    if (container === null) continue;
    const parent = taskOf(task.ppid);
    const lineage = { exe: task.exe, parentExe: parent?.exe ?? null, parentNs: parent?.ns ?? null };
    if (isRuntimeAtWork(lineage, hostNs)) continue;
    const own = found.get(container) ?? [];
    if (own.length < MAX_FILES) own.push(file);
    found.set(container, own);
  }
  return found;
}

/** Whether two lists are of the same descriptors. */
export function sameFiles(a: readonly ProcfsFile[] = [], b: readonly ProcfsFile[] = []): boolean {
  const keyOf = ({ pid, fd, dev }: ProcfsFile) => `${pid} ${fd} ${dev}`;
  return a.length === b.length && a.every((file, index) => keyOf(file) === keyOf(b[index]!));
}
