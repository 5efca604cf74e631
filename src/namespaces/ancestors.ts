import type { Task } from "./task.js";

/** More generations than matter, and a bound where a parent is known no more. */
const GENERATIONS = 16;

/**
 * Executables of the parent of `task` and of its parents, up to the host's pid 1; those that are not known are left out.
 * A parent that ended is followed no further: its children are pid 1's then, or a subreaper's.
 */
export function ancestorsOf(
  task: Pick<Task, "ppid">,
  tasks: { get(tid: number): Task | undefined },
): readonly string[] {
  const executables: string[] = [];
  let parent = tasks.get(task.ppid);
  for (let count = 0; parent !== undefined && count < GENERATIONS; count++) {
    if (parent.exe !== null) executables.push(parent.exe);
    if (parent.pid <= 1) break;
    parent = tasks.get(parent.ppid);
  }
  return executables;
}
