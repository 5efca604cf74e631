import { type BpfObject, LibbpfError } from "@keyhole/libbpf";
import { loadObject } from "../capture/object.js";
import type { HostPath } from "../kernel/host-path.js";
import { MountFiles } from "./mount-files.js";
import { ProcfsSuperblocks } from "./superblocks.js";

/** What can be asked of the kernel between events: the programs of bpf/probes.bpf.c. */
export class Probes {
  readonly superblocks: ProcfsSuperblocks;
  readonly files: MountFiles;
  readonly #object: BpfObject;

  private constructor(object: BpfObject, host: HostPath) {
    this.#object = object;
    this.superblocks = new ProcfsSuperblocks(object, host);
    this.files = new MountFiles(object);
  }

  /** Null where BPF cannot be used, or before Linux 5.10, which cannot run the programs. */
  static open(host: HostPath): Probes | null {
    let object: BpfObject | null = null;
    try {
      ({ object } = loadObject("probes"));
      return new Probes(object, host);
    } catch (error) {
      object?.close();
      if (error instanceof LibbpfError) return null;
      throw error;
    }
  }

  close(): void {
    this.superblocks.close();
    this.files.close();
    this.#object.close();
  }
}
