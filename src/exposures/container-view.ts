import type { ContainerRef } from "../event.js";
import type { HostPath } from "../kernel/host-path.js";
import { type IdExtent, readIdMap } from "../kernel/idmap.js";
import { LINK_INDEX, type NsInums } from "../kernel/links.js";
import { type Mount, readMountinfo } from "../kernel/mountinfo.js";
import { readStatus } from "../kernel/status.js";
import type { PathKind } from "../mounts/mask-lists.js";
import { MountTree } from "../mounts/mount-tree.js";
import { type PseudoView, procfsViews, sysfsViews } from "../mounts/pseudo-view.js";
import type { ProcfsSuperblock } from "../mounts/superblocks.js";
import type { ProcfsFile } from "../namespaces/open-files.js";
import type { Task } from "../namespaces/task.js";
import type { RuntimeSpec } from "../workloads/runtime-spec.js";
import type { DetachedFiles } from "./detached-files.js";
import type { NodeFacts } from "./node-facts.js";
import { concernsHostMounts, isWritableCgroup, readCgroupPaths } from "./occasional-facts.js";
import type { UnknownEntry } from "./unknown-entries.js";

/** What {@link buildContainerView} needs to know of the node, read once. */
export interface ViewSources {
  readonly host: HostPath;
  readonly hostNs: NsInums;
  /** See {@link readHostProcDev}. */
  readonly hostProcDev: string | null;
  /** The masked and read-only paths that this kernel has at all: existingPaths() of mounts/mask-lists.ts. */
  readonly existing: ReadonlyMap<string, PathKind>;
  /** What more the posture rules ask of the node; without it they do not find what depends on it. */
  readonly node?: NodeFacts;
  /** Descriptors of a container's tasks on procfs mounts that are in no mount table, by its id; null without BPF. */
  readonly detached?: ReadonlyMap<string, DetachedFiles> | null;
  /** How many containers are in a pid namespace; null where that is not known. */
  readonly sharers?: (pidNs: number) => number | null;
  /** Procfs superblocks by device number, read after the container started; null without BPF. */
  readonly superblocks: ReadonlyMap<string, ProcfsSuperblock> | null;
  /** Whether pid namespace `inum` is `ancestor` or below it; null where that is not known. */
  descends(inum: number, ancestor: number): boolean | null;
}

/** Whose processes a procfs instance shows, seen from the container. */
export type Shows = "own" | "host" | "foreign" | "unknown";

/** A procfs mount in a container. */
export interface ContainerProcfs extends PseudoView {
  /** Whether it is the same superblock as the host's /proc. Null where the host's is not known. */
  readonly isHosts: boolean | null;
  /** `own` includes the pid namespaces below the container's. */
  readonly shows: Shows;
  /** The pid namespace of the instance; null where the kernel could not be asked. */
  readonly pidNs: number | null;
}

/** A descriptor on a procfs mount that is in no mount table, and what that shows. */
export interface DetachedProcfs extends ProcfsFile {
  readonly shows: Shows;
  readonly subset: "pid" | null;
}

/** All that the posture rules look at: one container at one moment. */
export interface ContainerView {
  readonly container: ContainerRef;
  /** The task whose mount table, user namespace and capabilities stand for the container's. */
  readonly task: Task;
  readonly hostNs: NsInums;
  readonly procfs: readonly ContainerProcfs[];
  readonly sysfs: readonly PseudoView[];
  /** Every mount that a path of the container leads to. */
  readonly mounts: readonly Mount[];
  /** The host's mount table; null where it is not known, and where nothing in the container gives cause to ask. */
  readonly hostMounts: readonly Mount[] | null;
  /** What of the masked and read-only paths of all runtimes, and of its own specification, the kernel has. */
  readonly existing: ReadonlyMap<string, PathKind>;
  /** What its runtime was told; null where that was not found. */
  readonly spec: RuntimeSpec | null;
  /** What of this kernel's procfs nobody knows. */
  readonly unknown: readonly UnknownEntry[];
  /** Entries that {@link unknown} lacks; absent: none. */
  readonly unknownOmitted?: number;
  /** Descriptors of its tasks on procfs mounts that are in no mount table; null where that is not known. */
  readonly detached: readonly DetachedProcfs[] | null;
  /** Descriptors that {@link detached} lacks; absent: none. */
  readonly detachedOmitted?: number;
  /** How many containers are in its pid namespace, itself included; null where that is not known. */
  readonly pidNsSharers: number | null;
  /** Paths of its cgroups in each hierarchy; null where nothing in the container gives cause to ask. */
  readonly cgroups: readonly string[] | null;
  /**
   * Whether some uid of the container's user namespace is the host's root. The kernel guards most of /proc by
   * file modes, and the owner of all of it is the host's root: without that uid, nothing global is writable.
   */
  readonly realRoot: boolean;
  /** The uid_map of its user namespace. */
  readonly uidMap: readonly IdExtent[];
  /** Whether its user namespace is the host's, so that its capabilities count for the host. */
  readonly initUserNs: boolean;
  /** Capabilities that its root can have, a bit mask: the bounding set of `task`. */
  readonly capabilities: bigint;
  /** Whether `task` has CAP_SYS_ADMIN, with which every mask and read-only mount can be taken away. */
  readonly sysAdmin: boolean;
}

/** include/uapi/linux/capability.h. */
const CAP_SYS_ADMIN = 21n;

/**
 * Reads what is known of the container that `task` is in; null when the task is gone meanwhile. Opens nothing
 * but /proc/PID/{mountinfo,status,uid_map,cgroup}, and what runtimes keep on the host: a path of the container could be a FUSE that never answers.
 * Throws KEYHOLE_MOUNTINFO when the mount table may not be read.
 */
export function buildContainerView(
  container: ContainerRef,
  task: Task,
  sources: ViewSources,
): ContainerView | null {
  const table = readMountinfo(sources.host, task.pid);
  const status = readStatus(sources.host, task.pid);
  const uidMap = readIdMap(sources.host, task.pid, "uid");
  if (table === null || status === null || uidMap === null) return null;
  const { node } = sources;
  const tree = new MountTree(table);
  const mounts = tree.visible();
  const masks = node?.masks ?? null;
  const spec = node?.specs.of(container, task) ?? null;
  const pidNs = task.ns[LINK_INDEX.pid]!;
  return {
    container,
    task,
    hostNs: sources.hostNs,
    procfs: procfsViews(tree, masks).map((view) => inContainer(view, task.ns, sources)),
    sysfs: sysfsViews(tree, masks),
    mounts,
    hostMounts: concernsHostMounts(mounts) ? (node?.mounts() ?? null) : null,
    existing: spec === null ? sources.existing : withPathsOf(spec, sources),
    spec,
    ...unknownOf(sources),
    ...detachedOf(container, task, sources),
    pidNsSharers: sources.sharers?.(pidNs) ?? null,
    cgroups: mounts.some(isWritableCgroup) ? readCgroupPaths(sources.host, task.pid) : null,
    realRoot: uidMap.mapsHostRoot,
    uidMap: uidMap.extents,
    initUserNs: task.ns[LINK_INDEX.user] === sources.hostNs[LINK_INDEX.user],
    capabilities: status.capBnd,
    sysAdmin: ((status.capEff >> CAP_SYS_ADMIN) & 1n) === 1n,
  };
}

/** The paths that the kernel has of the lists of all runtimes, and of those that this container's runtime was told. */
function withPathsOf(spec: RuntimeSpec, { existing, node }: ViewSources): ReadonlyMap<string, PathKind> {
  let all: Map<string, PathKind> | null = null;
  for (const path of [...spec.masked, ...spec.readonly]) {
    if (existing.has(path)) continue;
    const kind = node?.kindOf(path) ?? null;
    if (kind === null) continue;
    all ??= new Map(existing);
    all.set(path, kind);
  }
  return all ?? existing;
}

/**
 * The device number of the host's own procfs superblock; null where it cannot be told. Taken from the mount
 * table of the host's pid 1, since an agent in a container has another one on its own /proc.
 */
export function readHostProcDev(host: HostPath): string | null {
  const mounts = readMountinfo(host, 1);
  const proc = mounts === null ? null : new MountTree(mounts).lookup("/proc");
  return proc?.fsType === "proc" ? proc.dev : null;
}

type PidSources = Pick<ViewSources, "hostNs" | "hostProcDev" | "superblocks" | "descends">;

/** Adds whose procfs it is, for a container whose namespaces are `ns`. */
export function inContainer(view: PseudoView, ns: NsInums, sources: PidSources): ContainerProcfs {
  const isHosts = sources.hostProcDev === null ? null : view.dev === sources.hostProcDev;
  const pidNs = sources.superblocks?.get(view.dev)?.pidNs ?? null;
  return { ...view, isHosts, pidNs, shows: whose(pidNs, isHosts === true, ns, sources) };
}

function unknownOf({ node }: ViewSources): Pick<ContainerView, "unknown" | "unknownOmitted"> {
  const { entries, omitted } = node?.unknown() ?? { entries: [], omitted: 0 };
  return { unknown: entries, ...(omitted > 0 && { unknownOmitted: omitted }) };
}

function detachedOf(
  { id }: ContainerRef,
  { ns }: Task,
  sources: ViewSources,
): Pick<ContainerView, "detached" | "detachedOmitted"> {
  if (sources.detached == null) return { detached: null };
  const { files, omitted } = sources.detached.get(id) ?? { files: [], omitted: 0 };
  const detached = files.map((file) => {
    const superblock = sources.superblocks?.get(file.dev);
    const isHosts = sources.hostProcDev === file.dev;
    const shows = whose(superblock?.pidNs ?? null, isHosts, ns, sources);
    return { ...file, shows, subset: superblock?.subset ?? null };
  });
  return { detached, ...(omitted > 0 && { detachedOmitted: omitted }) };
}

function whose(pidNs: number | null, isHosts: boolean, ns: NsInums, sources: PidSources): Shows {
  const own = ns[LINK_INDEX.pid]!;
  const host = sources.hostNs[LINK_INDEX.pid]!;
  if (isHosts || (pidNs !== null && pidNs === host)) return "host";
  if (own === 0) return "unknown";
  if (pidNs === null) {
    // procfs shows the pid namespace of whoever mounted it: for a container that shares the host's, the host's.
    return own === host ? "host" : "unknown";
  }
  const descends = pidNs === own || sources.descends(pidNs, own);
  return descends === null ? "unknown" : descends ? "own" : "foreign";
}
