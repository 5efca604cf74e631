/** What no event tells and only a look finds: who else holds namespaces, what is mounted where, and every procfs instance. */
import type { ContainerRef, StoryEvent, SyscallEvent, Unnumbered } from "./event.js";
import type { HostPath } from "./kernel/host-path.js";
import { LINK_INDEX } from "./kernel/links.js";
import { MountTables } from "./mounts/mount-tables.js";
import { MountTree } from "./mounts/mount-tree.js";
import type { Probes } from "./mounts/probes.js";
import { ProcfsHistory } from "./mounts/procfs-history.js";
import { joinProcfs, type ProcfsInstance } from "./mounts/procfs-instances.js";
import { pidNsBySelf } from "./mounts/procfs-self.js";
import type { ProcfsSuperblockList } from "./mounts/superblocks.js";
import { viewersByMountNs } from "./mounts/viewers.js";
import type { NamespaceGraph } from "./namespaces/graph.js";
import { mountNamespaces } from "./namespaces/mount-namespaces.js";
import type { OpenFiles } from "./namespaces/open-files.js";
import type { Task } from "./namespaces/task.js";
import type { Tasks } from "./namespaces/tasks.js";

export interface NodeViewOptions {
  readonly host: HostPath;
  readonly tasks: Tasks;
  readonly graph: NamespaceGraph;
  readonly containerOf: (task: Task) => ContainerRef | null;
  /** See readHostProcDev(). */
  readonly hostProcDev: string | null;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

/** Calls after which the kernel's own counter of changes need not show what changed. */
const CHANGES_MOUNTS: ReadonlySet<string> = new Set([
  ...["mount", "umount2", "umount", "move_mount", "mount_setattr", "open_tree_attr", "pivot_root"],
]);
/** In place of the device number of a superblock: nobody knows which. */
const ANY = "any";
/** How many mounts are read before the ring is: about ten milliseconds' worth. */
const MOUNTS_A_TURN = 2_048;

export class NodeView {
  readonly tables: MountTables;
  readonly history = new ProcfsHistory();
  readonly #options: NodeViewOptions;
  readonly #now: () => number;
  #probes: Probes | null = null;
  #files: OpenFiles | null = null;
  #superblocks: ProcfsSuperblockList | null = null;
  #looks = 0;
  /** A look, or a new mount namespace, since the mount tables were gone through last. */
  #isNews = true;
  /** Superblocks that got other options. */
  readonly #reconfigured = new Set<string>();
  #lastSeconds = 0;

  constructor(options: NodeViewOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.tables = new MountTables({ host: options.host, mountsPerRefresh: MOUNTS_A_TURN });
  }

  /** How many procfs superblocks the last look found. */
  get superblocks(): number {
    return this.#superblocks?.superblocks.length ?? 0;
  }

  /** How often it was looked. */
  get looks(): number {
    return this.#looks;
  }

  /** How long the last look took, its readings of mount tables aside. */
  get lastSeconds(): number {
    return this.#lastSeconds;
  }

  /** From now on the kernel can be asked. */
  use(probes: Probes): void {
    this.#probes = probes;
  }

  /** A call was published. Returns whether mount tables are to be read again for it. */
  onCall({ syscall, ret, args, changed, outcome }: Unnumbered<SyscallEvent>, task: Task): boolean {
    if (ret === null || ret < 0) return false;
    if (reconfigures(syscall, args)) {
      const dev = outcome?.procfs?.dev ?? outcome?.mount?.dev;
      this.#reconfigured.add(dev ?? ANY);
      return true;
    }
    if (CHANGES_MOUNTS.has(syscall)) this.tables.touch(task.ns[LINK_INDEX.mnt]!);
    else if (syscall === "setns" || changed?.mnt === undefined) return false;
    else this.#isNews = true;
    return true;
  }

  /** A story was published: it may have made an instance. */
  onStory({ id, kind, began, procfs }: Pick<StoryEvent, "id" | "kind" | "began" | "procfs">): void {
    if (kind !== "mount" || procfs === undefined) return;
    const { dev, pid_ns: pidNs, user_ns: userNs } = procfs;
    this.history.made({ dev, pidNs, userNs }, id, Date.parse(began));
  }

  /** Looks at everything but mount tables, for which {@link readTables} is to be called. Follows an inventory. */
  look(): void {
    const began = performance.now();
    const { graph } = this.#options;
    const probes = this.#probes;
    this.#files = probes?.openFiles?.read() ?? null;
    this.#superblocks = probes?.superblocks.read() ?? null;
    const superblocks = this.#superblocks?.superblocks ?? null;
    graph.look({ files: this.#files, mounts: probes?.nsHolders?.read() ?? null, superblocks });
    if (this.#superblocks !== null)
      this.history.seen(this.#superblocks.superblocks, this.#superblocks.complete, this.#now());
    this.#looks++;
    this.#isNews = true;
    this.#lastSeconds = (performance.now() - began) / 1000;
  }

  /** Reads mount tables that may have changed, for some milliseconds. Returns whether some are left to read. */
  readTables(): boolean {
    const { graph, tasks } = this.#options;
    // once for all calls: to find the tables takes long where there are many, and a container can call often
    if (this.#reconfigured.has(ANY)) this.tables.touchAll();
    else for (const dev of this.#reconfigured) this.tables.touchSuperblock(dev);
    this.#reconfigured.clear();
    if (this.#isNews) this.tables.refresh(mountNamespaces(graph, tasks.values()));
    else this.tables.resume();
    this.#isNews = false;
    return this.tables.pending > 0;
  }

  /** What cannot be seen here, and why. */
  notSeen(): { readonly what: string; readonly reason: string }[] {
    const probes = this.#probes;
    const list: { readonly what: string; readonly reason: string }[] = [];
    const add = (what: string, reason: string) => void list.push({ what, reason });
    if (probes === null)
      add("instances that are mounted nowhere, and who owns the others", "BPF cannot be used");
    else if (probes.openFiles === null)
      add("who holds detached instances", "the kernel refuses the program for it");
    if (this.#superblocks?.complete === false)
      add("some instances", "the kernel's list kept changing while it was read");
    for (const { ns, reason } of this.tables.all())
      if (reason !== null) add(`a part of mount namespace ${ns}`, reason);
    return list;
  }

  /** Every procfs instance, as of the last look. */
  procfs(): ProcfsInstance[] {
    const { tasks, containerOf, hostProcDev } = this.#options;
    const trees = new Map<number, MountTree>();
    return joinProcfs({
      superblocks: this.#superblocks,
      tables: this.tables.all(),
      viewers: viewersByMountNs(tasks.values(), containerOf),
      files: this.#superblocks === null ? null : this.#holders(),
      hostProcDev,
      pidNsOf: (place) => {
        const table = this.tables.get(place.mntNs);
        if (table === undefined) return null;
        if (!trees.has(place.mntNs)) trees.set(place.mntNs, new MountTree(table.mounts));
        return pidNsBySelf(place, trees.get(place.mntNs)!);
      },
      history: this.history,
      now: this.#now(),
    });
  }

  #holders() {
    const { tasks, containerOf } = this.#options;
    return (this.#files?.procfs ?? []).map(({ pid, fd, dev, detached, root }) => {
      const task = tasks.get(pid);
      const [comm, exe] = [task?.comm ?? null, task?.exe ?? null];
      const container = task === undefined ? null : containerOf(task);
      return { dev, pid, fd, comm, exe, container, detached, root };
    });
  }
}

/** Whether the call gave a superblock other options, which every table shows that has a mount of it. */
function reconfigures(syscall: string, args: SyscallEvent["args"]): boolean {
  if (syscall === "fsconfig") return args.cmd === "FSCONFIG_CMD_RECONFIGURE";
  const flags = args.mountflags;
  return Array.isArray(flags) && flags.includes("MS_REMOUNT") && !flags.includes("MS_BIND");
}
