import type { HostPath } from "../kernel/host-path.js";
import { readlink } from "../kernel/libc.js";
import type { Task } from "../namespaces/task.js";
import type { Containers } from "./containers.js";

/** The id of the container that this process is in; null where it is in none, or `host` does not show it. */
export function ownContainer(
  host: HostPath,
  containers: Containers,
  taskOf: (pid: number) => Task | undefined,
): string | null {
  // The link shows the reader's pid in the pid namespace of the procfs (proc_self_get_link() of fs/proc/self.c).
  const self = readlink(host.proc("self"));
  const task = self.ok ? taskOf(Number(self.value)) : undefined;
  return task === undefined ? null : (containers.of(task)?.id ?? null);
}
