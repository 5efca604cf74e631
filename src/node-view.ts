/** What no event tells and only a look finds: who else holds namespaces, what is mounted where, and every procfs instance. */
import type { ContainerRef, SyscallEvent, Unnumbered } from "./event.js";
import type { HostPath } from "./kernel/host-path.js";
import { LINK_INDEX } from "./kernel/links.js";
import { listNamespaces } from "./kernel/listns.js";
import { CHANGES_TABLE, reconfigures } from "./mounts/mount-changes.js";
import { MountTables } from "./mounts/mount-tables.js";
import type { Probes } from "./mounts/probes.js";
import { ProcfsHistory } from "./mounts/procfs-history.js";
import { type ProcfsSurvey, surveyProcfs } from "./mounts/procfs-survey.js";
import type { ProcfsSuperblockList } from "./mounts/superblocks.js";
import type { NamespaceGraph } from "./namespaces/graph.js";
import { mountNamespaces } from "./namespaces/mount-namespaces.js";
import type { ProcfsFile } from "./namespaces/open-files.js";
import type { Task } from "./namespaces/task.js";
import type { Tasks } from "./namespaces/tasks.js";

export interface NodeViewOptions {
  readonly host: HostPath;
  readonly tasks: Tasks;
  readonly graph: NamespaceGraph;
  readonly containerOf: (task: Task) => ContainerRef | null;
  /** See readHostProcDev(). */
  readonly hostProcDev: string | null;
}

/** In place of the device number of a superblock: nobody knows which. */
const ANY = "any";
/** How many mounts are read before the ring is: about ten milliseconds' worth. */
const MOUNTS_A_TURN = 2_048;

export class NodeView {
  readonly tables: MountTables;
  readonly history = new ProcfsHistory();
  readonly #options: NodeViewOptions;
  #probes: Probes | null = null;
  #superblocks = 0;
  /** Descriptors that the last look left out, and whether it saw all that it looks for. */
  #skipped = 0;
  #isWhole = false;
  #looks = 0;
  /** A look, or a new mount namespace, since the mount tables were gone through last. */
  #isNews = true;
  /** Superblocks that got other options. */
  readonly #reconfigured = new Set<string>();
  #lastSeconds = 0;
  #detached: readonly ProcfsFile[] | null = null;

  constructor(options: NodeViewOptions) {
    this.#options = options;
    this.tables = new MountTables({ host: options.host, mountsPerRefresh: MOUNTS_A_TURN });
  }

  /** How many procfs superblocks the last look found. */
  get superblocks(): number {
    return this.#superblocks;
  }

  /** What the last look left out, in a few words; null where that was nothing. */
  get leftOut(): string | null {
    if (this.#skipped > 0) return `${this.#skipped} descriptors of processes that have very many`;
    return this.#isWhole ? null : "descriptors or mounts that hold namespaces";
  }

  /** What the last look found of open files on procfs mounts that are in no mount table; null where it could not tell. */
  get detached(): readonly ProcfsFile[] | null {
    return this.#detached;
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

  /** The kernel cannot be asked any more. */
  close(): void {
    this.#probes = null;
  }

  /** A call was published. Returns whether mount tables are to be read again for it. */
  onCall(event: Unnumbered<SyscallEvent>, task: Task): boolean {
    const { syscall, ret, changed, outcome } = event;
    if (ret === null || ret < 0) return false;
    if (reconfigures(event)) {
      const dev = outcome?.procfs?.dev ?? outcome?.mount?.dev;
      this.#reconfigured.add(dev ?? ANY);
      return true;
    }
    // the kernel's own counter of changes is read with the next inventory, and does not count all of them
    if (CHANGES_TABLE.has(syscall)) this.tables.touch(task.ns[LINK_INDEX.mnt]!);
    else if (syscall === "setns" || changed?.mnt === undefined) return false;
    else this.#isNews = true;
    return true;
  }

  /** A story was published: it may have made an instance. */
  onStory(story: Parameters<ProcfsHistory["onStory"]>[0]): void {
    this.history.onStory(story);
  }

  /** Looks at everything but mount tables, for which {@link readTables} is to be called. Follows an inventory. */
  look(): void {
    const began = performance.now();
    const { graph } = this.#options;
    const probes = this.#probes;
    const superblocks = this.#readSuperblocks()?.superblocks ?? null;
    this.#superblocks = superblocks?.length ?? 0;
    const files = probes?.openFiles?.read() ?? null;
    const mounts = probes?.nsHolders?.read() ?? null;
    const listed = listNamespaces();
    graph.look({ files, mounts, superblocks, listed: listed.ok ? listed.value : null });
    this.#skipped = files?.skipped ?? 0;
    this.#detached = files?.procfs ?? null;
    this.#isWhole = files !== null && mounts?.complete === true;
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

  /** Every procfs instance, looked at now, and what of them cannot be seen. */
  procfs(): ProcfsSurvey {
    const { tasks, containerOf, hostProcDev } = this.#options;
    // what is listed before mounts and descriptors are read, and is in none of them, may have ended meanwhile
    const superblocks = this.#readSuperblocks();
    this.readTables();
    return surveyProcfs({
      tasks: [...tasks.values()],
      containerOf,
      superblocks,
      again: () => this.#readSuperblocks(),
      openFiles: this.#probes?.openFiles?.read() ?? null,
      tables: this.tables.all(),
      hostProcDev,
      history: this.history,
    });
  }

  #readSuperblocks(): ProcfsSuperblockList | null {
    const list = this.#probes?.superblocks.read() ?? null;
    if (list !== null) this.history.seen(list.superblocks, list.complete, Date.now());
    return list;
  }
}
