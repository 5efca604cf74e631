import { statSync } from "node:fs";
import type { Check } from "../kernel/host-checks.js";
import type { HostPath } from "../kernel/host-path.js";
import { readlink } from "../kernel/libc.js";
import { readMountinfo } from "../kernel/mountinfo.js";
import { MountTree } from "../mounts/mount-tree.js";
import { runtimeRoot } from "./runtime-root.js";
import { hasSpecPlaces } from "./spec-places.js";

/** Whether what runtimes keep about containers can be read: from it come their names, and what was to be masked. */
export function runtimeFilesCheck(host: HostPath): Check {
  const name = "files of runtimes";
  const root = runtimeRoot(host);
  const ok = (found: string): Check => ({ name, status: "ok", found, lacks: null, fix: null });
  if (hasSpecPlaces(root)) return ok(`below ${root.root}`);
  const refusal = refusalOf(host.proc(1, "root"));
  if (refusal === null || isOnHost(host))
    return ok(`none below ${root.root}: no container runtime wrote any`);
  return {
    name,
    status: "degraded",
    found: `${host.proc(1, "root")}: ${refusal}; none below ${root.root}`,
    lacks: "names of containers, pods and images, and what runtimes were told to mask",
    fix:
      "mount what the runtime keeps at its path on the host, read-only: /run/containerd/runc of containerd, " +
      "/run/runc or /run/crun of CRI-O (deploy/kubernetes/components/runtime-files)",
  };
}

/** The name of the error when the directory cannot be entered; null where it can be. */
function refusalOf(directory: string): string | null {
  try {
    statSync(`${directory}/`);
    return null;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  }
}

/** Whether the agent's root is that of the host's first process; by the mount tables, which ask for less than the root. */
function isOnHost(host: HostPath): boolean {
  const self = readlink(host.proc("self"));
  if (!self.ok) return false;
  const [own, its] = [Number(self.value), 1].map((pid) => {
    const mounts = readMountinfo(host, pid);
    return mounts === null ? null : new MountTree(mounts).lookup("/");
  });
  return own != null && its != null && own.dev === its.dev && own.root === its.root;
}
