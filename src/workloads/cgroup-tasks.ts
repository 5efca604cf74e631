import { readFileSync } from "node:fs";
import type { HostPath } from "../kernel/host-path.js";
import type { CgroupLine } from "./patterns.js";

/** Processes of one cgroup that are looked at. */
const MAX_PROCESSES = 512;

/** Where a hierarchy is mounted by systemd and by the runtimes: the unified one first where there are others (hybrid). */
const UNIFIED = ["fs/cgroup/unified", "fs/cgroup"] as const;

/**
 * The processes in the cgroup of `line` itself, without those below it: cgroup.procs of cgroups(7), which is a file of the
 * kernel's. No more than 512; none where it cannot be read, as of a cgroup outside of the reader's cgroup namespace, or one that is
 * threaded.
 */
export function processesIn(host: HostPath, { controllers, path }: CgroupLine): number[] {
  // a path out of the reader's own cgroup namespace: the rest of it is names that anybody may have chosen
  if (path.split("/").includes("..")) return [];
  const hierarchies = controllers === "" ? UNIFIED : [`fs/cgroup/${controllers.replace(/^name=/, "")}`];
  for (const hierarchy of hierarchies) {
    const text = read(`${host.sys(hierarchy)}${path}/cgroup.procs`);
    if (text === null) continue;
    return text
      .split("\n", MAX_PROCESSES)
      .filter((line) => line !== "")
      .map(Number);
  }
  return [];
}

function read(path: string): string | null {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return null;
  }
}
