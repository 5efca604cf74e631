import { existsSync, readdirSync } from "node:fs";
import type { HostPath } from "../kernel/host-path.js";

/** A file that may say what a runtime was told about a container. */
export interface SpecPlace {
  /** As the agent has it. */
  readonly path: string;
  readonly format: "config" | "runc-state";
}

/** Directories in which containerd has one for each of its namespaces. */
const BY_NAMESPACE: readonly (readonly [directory: string, file: string, format: SpecPlace["format"]])[] = [
  ["run/containerd/runc", "state.json", "runc-state"],
  ["run/docker/runtime-runc", "state.json", "runc-state"],
  ["run/containerd/io.containerd.runtime.v2.task", "config.json", "config"],
  ["run/docker/containerd/daemon/io.containerd.runtime.v2.task", "config.json", "config"],
  ["run/k3s/containerd/io.containerd.runtime.v2.task", "config.json", "config"],
];

/** Directories in which there is one for each container. */
const BY_CONTAINER = ["run/runc", "run/crun"] as const;
const STORAGES = ["run/containers/storage", "var/lib/containers/storage"] as const;

/** What can be a container's id and is no way out of a directory. */
const ID = /^[A-Za-z0-9_][A-Za-z0-9_.+:@-]{0,255}$/;

/**
 * Where the runtimes keep what they were told about container `id`: runc, Docker, containerd (Kubernetes), crun, Podman,
 * CRI-O. What a runtime made of it comes before what it was told. Empty for an id that no runtime gives. Runtimes without
 * privileges keep it where the user can mount a file system that never answers: that is not looked at.
 */
export function specPlaces(host: HostPath, id: string): SpecPlace[] {
  if (!ID.test(id)) return [];
  const places: SpecPlace[] = [];
  const add = (format: SpecPlace["format"], ...parts: readonly string[]) =>
    places.push({ path: host.path(...parts), format });
  add("runc-state", "run/runc", id, "state.json");
  for (const [directory, file, format] of BY_NAMESPACE) {
    for (const namespace of list(host.path(directory))) add(format, directory, namespace, id, file);
  }
  add("config", "run/crun", id, "config.json");
  for (const storage of STORAGES) add("config", storage, "overlay-containers", id, "userdata/config.json");
  return places;
}

/** Whether any runtime keeps such files below `host`: in a container that has none of it mounted, none does. */
export function hasSpecPlaces(host: HostPath): boolean {
  const directories = [...BY_CONTAINER, ...BY_NAMESPACE.map(([directory]) => directory), ...STORAGES];
  return directories.some((directory) => existsSync(host.path(directory)));
}

/** The namespaces of one containerd, all of them: nobody but the host makes any. */
function list(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}
