import type { HostPath } from "../kernel/host-path.js";
import { listNamespaces } from "../kernel/listns.js";
import type { ProcfsSuperblockList } from "../mounts/superblocks.js";
import type { NamespaceGraph } from "./graph.js";
import { type NsMounts, type NsTable, nsMountsOf } from "./ns-holders.js";
import type { OpenFiles } from "./open-files.js";
import { readProcOpenFiles } from "./proc-open-files.js";

/** What is read in a look; each null where BPF cannot read it. */
export interface LookSources {
  readonly openFiles: { read(): OpenFiles } | null;
  readonly nsHolders: { read(): NsMounts } | null;
  readonly superblocks: { read(): ProcfsSuperblockList } | null;
}

/** Mount tables, as MountTables has them. */
interface NsTables {
  all(): Iterable<NsTable>;
}

/** All descriptors of a node can be many: looking at them takes at most this share of the time. */
const SHARE = 1 / 500;

/** Looks again and again for what holds namespaces besides tasks. */
export class Look {
  readonly #host: HostPath;
  readonly #graph: NamespaceGraph;
  readonly #tables: NsTables | null;
  #openFiles: OpenFiles | null = null;
  #restsUntil = 0;
  #count = 0;
  #lastSeconds = 0;

  /** `tables`: where mounts of namespace files are found without BPF. */
  constructor(host: HostPath, graph: NamespaceGraph, tables: NsTables | null) {
    this.#host = host;
    this.#graph = graph;
    this.#tables = tables;
  }

  /** How many there were. */
  get count(): number {
    return this.#count;
  }

  get lastSeconds(): number {
    return this.#lastSeconds;
  }

  /** What the last one found to be open; null before the first. */
  get openFiles(): OpenFiles | null {
    return this.#openFiles;
  }

  /** Looks, unless the last look was too short a while ago for what it cost. Throws LibbpfError. */
  take({ openFiles, nsHolders, superblocks }: LookSources): void {
    const began = performance.now();
    if (began < this.#restsUntil) return;
    this.#openFiles = openFiles?.read() ?? readProcOpenFiles(this.#host);
    const listed = listNamespaces();
    this.#graph.look({
      files: this.#openFiles,
      mounts: nsHolders?.read() ?? (this.#tables === null ? null : nsMountsOf(this.#tables.all())),
      superblocks: superblocks?.read().superblocks ?? null,
      listed: listed.ok ? listed.value : null,
    });
    const end = performance.now();
    this.#count++;
    this.#lastSeconds = (end - began) / 1000;
    this.#restsUntil = end + (end - began) / SHARE;
  }
}
