import type { HostPath } from "../kernel/host-path.js";
import { readFile } from "../kernel/libc.js";
import type { Mount } from "../kernel/mountinfo.js";
import { isReadonly } from "../mounts/pseudo-view.js";
import { parseCgroup } from "../workloads/patterns.js";

/** File systems of which there is more than one instance, so that it matters whether a container has the host's. */
export const INSTANCED: ReadonlySet<string> = new Set(["bpf", "binfmt_misc", "nfsd", "rpc_pipefs"]);

/**
 * Whether the host's mount table says something about these mounts of a container: it may have the same peer groups as
 * its procfs mounts, or the same instance of a file system. Most containers give no cause to read it.
 */
export function concernsHostMounts(mounts: readonly Mount[]): boolean {
  const shared = new Set(
    mounts.filter(({ propagation }) => propagation.shared !== undefined).map(({ id }) => id),
  );
  return mounts.some(({ fsType, propagation, id, parent }) => {
    if (INSTANCED.has(fsType)) return true;
    return fsType === "proc" && (shared.has(id) || shared.has(parent) || propagation.master !== undefined);
  });
}

/** Whether it is a cgroup file system that is not read-only. */
export function isWritableCgroup(mount: Mount): boolean {
  return (mount.fsType === "cgroup" || mount.fsType === "cgroup2") && !isReadonly(mount);
}

/** The paths of a task's cgroups, one of each hierarchy; null when the task is gone. */
export function readCgroupPaths(host: HostPath, pid: number): string[] | null {
  const bytes = readFile(host.proc(pid, "cgroup"));
  return bytes.ok ? parseCgroup(bytes.value.toString("utf8")).map(({ path }) => path) : null;
}
