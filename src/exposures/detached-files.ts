import { LINK_INDEX, type NsInums } from "../kernel/links.js";
import type { ProcfsFile } from "../namespaces/open-files.js";
import type { Task } from "../namespaces/task.js";
import { isRuntimeAtWork } from "../workloads/runtimes.js";

/** Descriptors of one container that are kept: one is enough for a finding. */
const MAX_FILES = 64;

/** Descriptors of one container on procfs mounts that are in no mount table. */
export interface DetachedFiles {
  readonly files: readonly ProcfsFile[];
  /** How many more there are. */
  readonly omitted: number;
}

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
): Map<string, DetachedFiles> {
  const found = new Map<string, { files: ProcfsFile[]; omitted: number }>();
  for (const file of files) {
    const task = taskOf(file.pid);
    if (task === undefined || task.ns[LINK_INDEX.mnt] === hostNs[LINK_INDEX.mnt]) continue;
    const container = containerOf(task);
    if (container === null) continue;
    const parent = taskOf(task.ppid);
    const lineage = { exe: task.exe, parentExe: parent?.exe ?? null, parentNs: parent?.ns ?? null };
    if (isRuntimeAtWork(lineage, hostNs)) continue;
    const own = found.get(container) ?? { files: [], omitted: 0 };
    if (own.files.length < MAX_FILES) own.files.push(file);
    else own.omitted += 1;
    found.set(container, own);
  }
  return found;
}

const NONE: DetachedFiles = { files: [], omitted: 0 };

/** Whether two containers, or one at two times, hold the same descriptors. */
export function sameFiles(a = NONE, b = NONE): boolean {
  const keyOf = ({ pid, fd, dev }: ProcfsFile) => `${pid} ${fd} ${dev}`;
  if (a.omitted !== b.omitted || a.files.length !== b.files.length) return false;
  return a.files.every((file, index) => keyOf(file) === keyOf(b.files[index]!));
}
