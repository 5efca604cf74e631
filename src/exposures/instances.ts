import type { ProcfsSuperblock, ProcfsSuperblocks } from "../mounts/superblocks.js";

/** The options of one procfs superblock, before and after. */
export interface InstanceStep {
  readonly before: ProcfsSuperblock;
  readonly after: ProcfsSuperblock;
}

/** The procfs instances of the node as they were read last. */
export class Instances {
  readonly #reader: ProcfsSuperblocks | null;
  #byDev: ReadonlyMap<string, ProcfsSuperblock> = new Map();
  #steps: InstanceStep[] = [];

  /** `reader` is null where the kernel cannot be asked. */
  constructor(reader: ProcfsSuperblocks | null) {
    this.#reader = reader;
    this.refresh();
  }

  /** By device number; null without BPF. */
  get byDev(): ReadonlyMap<string, ProcfsSuperblock> | null {
    return this.#reader === null ? null : this.#byDev;
  }

  /**
   * Which of them have got other options since the last time that this was called, oldest first: whoever reads them anew
   * need not be who tells of it.
   */
  takeSteps(): readonly InstanceStep[] {
    return this.#steps.splice(0);
  }

  /** Reads them anew. */
  refresh(): void {
    if (this.#reader === null) return;
    const before = this.#byDev;
    this.#byDev = new Map(this.#reader.read().superblocks.map((superblock) => [superblock.dev, superblock]));
    for (const [dev, after] of this.#byDev) {
      const was = before.get(dev);
      // device numbers are recycled; another pid namespace or owner is another instance
      if (was === undefined || was.pidNs !== after.pidNs || was.userNs !== after.userNs) continue;
      if (was.hidepid !== after.hidepid || was.gid !== after.gid || was.subset !== after.subset) {
        this.#steps.push({ before: was, after });
      }
    }
  }
}
