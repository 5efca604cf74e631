import type { ContainerRef } from "../event.js";
import type { HostPath } from "../kernel/host-path.js";
import { LINK_INDEX, type NsInums } from "../kernel/links.js";
import type { ProcfsSuperblock } from "../mounts/superblocks.js";
import type { NamespaceGraph } from "../namespaces/graph.js";
import type { Task } from "../namespaces/task.js";
import type { Containers } from "../workloads/containers.js";
import {
  buildContainerView,
  type ContainerView,
  readHostProcDev,
  type ViewSources,
} from "./container-view.js";
import type { DetachedFiles } from "./detached-files.js";
import { readNodeFacts } from "./node-facts.js";

export interface ContainerViewsOptions {
  readonly host: HostPath;
  readonly graph: NamespaceGraph;
  readonly containers: Containers;
  /** Containers by id, with the task that stands for each. */
  readonly known: ReadonlyMap<string, Task>;
  /** The procfs superblocks of the node by device number; null where the kernel cannot be asked. */
  readonly superblocks: () => ReadonlyMap<string, ProcfsSuperblock> | null;
}

/** Looks at containers; what is the same of all of them is read once. */
export class ContainerViews {
  readonly hostNs: NsInums;
  /** Device number of the host's own /proc, null where it is not known. */
  readonly hostProcDev: string | null;
  /** What tasks of containers hold of procfs that is mounted nowhere, by container; null where that is not known. */
  detached: ReadonlyMap<string, DetachedFiles> | null = null;
  readonly #options: ContainerViewsOptions;
  readonly #static: Pick<ViewSources, "host" | "hostNs" | "hostProcDev" | "existing" | "node">;

  constructor(options: ContainerViewsOptions) {
    const { host, graph } = options;
    this.#options = options;
    this.hostNs = graph.anchors.host;
    this.hostProcDev = readHostProcDev(host);
    const node = readNodeFacts(host);
    const { hostNs, hostProcDev } = this;
    this.#static = { host, hostNs, hostProcDev, existing: node.existing, node };
  }

  /** What the container of `task` looks like; null where it is in none. Throws what reading its files throws. */
  of(task: Task): ContainerView | null {
    const container = this.#options.containers.of(task);
    return container === null ? null : this.look(container, task);
  }

  /** What `container` looks like to `task`; null where that cannot be seen any more. Throws what reading its files throws. */
  look(container: ContainerRef, task: Task): ContainerView | null {
    const { graph, superblocks } = this.#options;
    return buildContainerView(container, task, {
      ...this.#static,
      superblocks: superblocks(),
      detached: this.detached,
      sharers: (pidNs) => this.#sharers(pidNs),
      descends: (inum, ancestor) => graph.descends("pid", inum, ancestor),
    });
  }

  #sharers(pidNs: number): number {
    let sharers = 0;
    for (const { ns } of this.#options.known.values()) if (ns[LINK_INDEX.pid] === pidNs) sharers++;
    return sharers;
  }
}
