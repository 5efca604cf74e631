import { capabilityBits as bitsOf, type CapabilityName } from "../../src/exposures/capabilities.js";
import { type ContainerView, inContainer } from "../../src/exposures/container-view.js";
import { LINK_INDEX, NS_LINKS, type NsInums, type NsLink } from "../../src/kernel/links.js";
import type { Mount } from "../../src/kernel/mountinfo.js";
import type { MaskOracle } from "../../src/mounts/masks.js";
import { MountTree } from "../../src/mounts/mount-tree.js";
import { procfsViews, sysfsViews } from "../../src/mounts/pseudo-view.js";
import type { ProcfsSuperblock } from "../../src/mounts/superblocks.js";
import type { Task } from "../../src/namespaces/task.js";

export const HOST_NS: NsInums = NS_LINKS.map((_, index) => 100 + index);
/** The pid namespace of a container below the one of {@link container}, and that of a stranger. */
export const CHILD_PIDNS = 900;
export const STRANGER_PIDNS = 901;
export const HOST_PROC_DEV = "0:21";

export function namespaces(own: Partial<Record<NsLink, number>>): NsInums {
  return NS_LINKS.map((link) => own[link] ?? HOST_NS[LINK_INDEX[link]]!);
}

export function superblock(
  dev: string,
  pidNs: number,
  more: Partial<ProcfsSuperblock> = {},
): ProcfsSuperblock {
  return { dev, pidNs, pidLevel: 1, userNs: 105, hidepid: "off", gid: 0, subset: null, ...more };
}

export interface ContainerOptions {
  readonly id?: string;
  readonly ns?: NsInums;
  readonly realRoot?: boolean;
  readonly sysAdmin?: boolean;
  readonly superblocks?: readonly ProcfsSuperblock[];
  readonly existing?: readonly string[];
  /** The specification's lists; default: none was found. */
  readonly spec?: { readonly masked: readonly string[]; readonly readonly: readonly string[] };
  /** Names of what its root can have; default: none. */
  readonly capabilities?: readonly CapabilityName[];
  readonly unknown?: ContainerView["unknown"];
  readonly detached?: ContainerView["detached"];
  readonly pidNsSharers?: number;
  readonly cgroups?: readonly string[];
  readonly hostMounts?: readonly Mount[];
  readonly uidMap?: ContainerView["uidMap"];
  readonly oracle?: MaskOracle;
}

const EXISTING = [
  "/proc/acpi",
  "/proc/keys",
  "/proc/timer_list",
  "/proc/bus",
  "/proc/fs",
  "/proc/irq",
  "/proc/sys",
];
const FILES = /^\/proc\/(?:keys|timer_list|kcore|kpagecount|interrupts|sysrq-trigger)$/;
/** What a runtime gives every container, but for the pid namespace. */
export const OWN: Partial<Record<NsLink, number>> = { mnt: 200, net: 201, ipc: 202, uts: 203 };
const OWN_NS = namespaces({ ...OWN, pid: 204, pid_for_children: 204 });

/** A container with that mount table, by default in pid namespace 204 with the host's root. */
export function container(mounts: readonly Mount[], options: ContainerOptions = {}): ContainerView {
  const { ns = OWN_NS, superblocks } = options;
  const tree = new MountTree(mounts);
  const sources = {
    hostNs: HOST_NS,
    hostProcDev: HOST_PROC_DEV,
    superblocks: superblocks === undefined ? null : new Map(superblocks.map((one) => [one.dev, one])),
    descends: (inum: number) => inum === CHILD_PIDNS,
  };
  const task: Task = {
    pid: 4242,
    tid: 4242,
    ppid: 1,
    start: 1n,
    uid: 0,
    gid: 0,
    comm: "app",
    exe: "/app",
    nsPid: 1,
    ns,
    cgroup: 7n,
    cgroupV1: 0n,
  };
  return {
    container: { id: options.id ?? "c1", runtime: null, name: null, image: null, pod: null },
    task,
    hostNs: HOST_NS,
    procfs: procfsViews(tree, options.oracle).map((view) => inContainer(view, ns, sources)),
    sysfs: sysfsViews(tree, options.oracle),
    mounts: tree.visible(),
    hostMounts: options.hostMounts ?? null,
    existing: new Map(
      (options.existing ?? [...EXISTING, "/sys/firmware", "/proc/kpagecount"]).map((path) => [
        path,
        FILES.test(path) ? "file" : "directory",
      ]),
    ),
    spec: options.spec === undefined ? null : { file: "/run/runc/c1/state.json", ...options.spec },
    unknown: options.unknown ?? [],
    detached: options.detached ?? null,
    pidNsSharers: options.pidNsSharers ?? null,
    cgroups: options.cgroups ?? null,
    realRoot: options.realRoot ?? true,
    uidMap: options.uidMap ?? [
      { inside: 0, outside: options.realRoot === false ? 100_000 : 0, count: 65_536 },
    ],
    initUserNs: options.realRoot ?? true,
    capabilities: bitsOf(options.capabilities ?? []),
    sysAdmin: options.sysAdmin ?? false,
  };
}
