import { lstatSync } from "node:fs";
import type { HostPath } from "../kernel/host-path.js";

/** The masked and read-only paths that a runtime gives a container that asks for nothing else. */
export interface MaskList {
  readonly runtime: string;
  /** Repository and file it was taken from. */
  readonly source: string;
  readonly masked: readonly string[];
  readonly readonly: readonly string[];
}

const READONLY = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"] as const;

/** What all of the lists mask. */
const COMMON = [
  "/proc/acpi",
  "/proc/kcore",
  "/proc/keys",
  "/proc/latency_stats",
  "/proc/sched_debug",
  "/proc/scsi",
  "/proc/timer_list",
  "/proc/timer_stats",
  "/sys/firmware",
] as const;

/**
 * The defaults as of mid-2026. Each runtime leaves out what the host does not have. Where kubelet sends its
 * list over the CRI, it replaces that of the runtime.
 */
export const MASK_LISTS: readonly MaskList[] = [
  {
    runtime: "docker",
    source: "moby/moby daemon/pkg/oci/defaults.go",
    masked: [...COMMON, "/proc/asound", "/proc/interrupts", "/sys/devices/virtual/powercap"],
    readonly: READONLY,
  },
  {
    runtime: "containerd",
    source: "containerd/containerd pkg/oci/spec.go",
    masked: [...COMMON, "/proc/asound", "/sys/devices/virtual/powercap"],
    readonly: READONLY,
  },
  {
    runtime: "runc",
    source: "opencontainers/runc libcontainer/specconv/example.go",
    masked: [...COMMON, "/proc/asound"],
    readonly: READONLY,
  },
  {
    runtime: "podman",
    source: "containers/container-libs common/pkg/config/default.go",
    masked: [...COMMON, "/proc/interrupts", "/sys/devices/virtual/powercap", "/sys/fs/selinux"],
    readonly: [...READONLY, "/proc/asound"],
  },
  {
    runtime: "cri-o",
    source: "cri-o/cri-o server/masked_paths.go",
    masked: [
      ...COMMON,
      "/proc/asound",
      "/proc/interrupts",
      "/sys/devices/virtual/powercap",
      "/sys/fs/selinux",
    ],
    readonly: READONLY,
  },
  {
    runtime: "kubernetes",
    source: "kubernetes/kubernetes pkg/securitycontext/util.go",
    masked: [...COMMON, "/proc/asound", "/proc/interrupts", "/sys/devices/virtual/powercap"],
    readonly: READONLY,
  },
];

/** The masked paths that are in every list: a container without one of them was given something else. */
export const MASK_FLOOR: readonly string[] = inEveryList((list) => list.masked);

/** The read-only paths that are in every list. */
export const READONLY_FLOOR: readonly string[] = inEveryList((list) => list.readonly);

/**
 * What the host's kernel shows to every container with a default list, or with an older one: global, readable
 * by the host's root at least, masked by none or by some of the runtimes only.
 */
export const DEFAULT_GAPS: readonly string[] = [
  "/proc/dynamic_debug",
  "/proc/interrupts",
  "/proc/kpagecgroup",
  "/proc/kpagecount",
  "/proc/kpageflags",
  "/proc/pagetypeinfo",
  "/proc/pressure",
  "/proc/slabinfo",
  "/proc/tty/driver",
  "/proc/vmallocinfo",
  "/sys/devices/virtual/powercap",
];

function inEveryList(paths: (list: MaskList) => readonly string[]): string[] {
  const [first, ...others] = MASK_LISTS;
  return paths(first!).filter((path) => others.every((list) => paths(list).includes(path)));
}

/** What a path of procfs or sysfs is. */
export type PathKind = "file" | "directory";

/**
 * Those of the paths above that this kernel has. Asks the host's own /proc and /sys, never a container's: what
 * a container has there is hostile, while the entries themselves are the same in every procfs.
 */
export function existingPaths(host: HostPath): ReadonlyMap<string, PathKind> {
  const lists = MASK_LISTS.flatMap(({ masked, readonly }) => [...masked, ...readonly]);
  const found = new Map<string, PathKind>();
  for (const path of new Set([...lists, ...DEFAULT_GAPS, "/sys/kernel/uevent_helper"])) {
    const kind = kindOf(host, path);
    if (kind !== null) found.set(path, kind);
  }
  return found;
}

/** What the host's kernel has at `path`, which is one of procfs or sysfs; null where it has nothing. */
export function kindOf(host: HostPath, path: string): PathKind | null {
  try {
    return lstatSync(host.path(path.slice(1))).isDirectory() ? "directory" : "file";
  } catch {
    return null;
  }
}
