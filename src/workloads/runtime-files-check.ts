import { statSync } from "node:fs";
import type { Check } from "../kernel/host-checks.js";
import type { HostPath } from "../kernel/host-path.js";
import { isRuntimeRootHosts, runtimeRoot } from "./runtime-root.js";
import { hasSpecPlaces } from "./spec-places.js";

/** Whether what runtimes keep about containers can be read: from it come their names, and what was to be masked. */
export function runtimeFilesCheck(host: HostPath): Check {
  const name = "files of runtimes";
  const root = runtimeRoot(host);
  const ok = (found: string): Check => ({ name, status: "ok", found, lacks: null, fix: null });
  if (hasSpecPlaces(root)) return ok(`below ${root.root}`);
  if (isRuntimeRootHosts(host)) return ok(`none below ${root.root}: no container runtime wrote any`);
  return {
    name,
    status: "degraded",
    found: `${host.proc(1, "root")}: ${refusalOf(host.proc(1, "root"))}; none below ${root.root}`,
    lacks: "names of containers, pods and images, and what runtimes were told to mask",
    fix:
      "mount what the runtime keeps at its path on the host, read-only: /run/containerd/runc of containerd, " +
      "/run/runc or /run/crun of CRI-O (deploy/kubernetes/components/runtime-files)",
  };
}

/** The name of the error when the directory cannot be entered. */
function refusalOf(directory: string): string {
  try {
    statSync(`${directory}/`);
    return "no error";
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  }
}
