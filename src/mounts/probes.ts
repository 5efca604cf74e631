import { type BpfObject, LibbpfError } from "@keyhole/libbpf";
import { loadObject } from "../capture/object.js";
import type { HostPath } from "../kernel/host-path.js";
import { NsHolderReader } from "../namespaces/ns-holders.js";
import { OpenFileReader } from "../namespaces/open-files.js";
import { MountFiles } from "./mount-files.js";
import { ProcfsSuperblocks } from "./superblocks.js";

/** What can be asked of the kernel between events: the programs of bpf/probes.bpf.c. */
export class Probes {
  readonly superblocks: ProcfsSuperblocks;
  readonly files: MountFiles;
  /** What open files keep alive; null where the kernel refuses that program. */
  readonly openFiles: OpenFileReader | null;
  /** What else does; null where the kernel refuses those programs. */
  readonly nsHolders: NsHolderReader | null;
  readonly #object: BpfObject;

  private constructor(object: BpfObject, host: HostPath) {
    this.#object = object;
    this.superblocks = new ProcfsSuperblocks(object, host);
    this.files = new MountFiles(object);
    this.openFiles = OpenFileReader.open(object);
    this.nsHolders = openNsHolders(object, host);
  }

  /** Null where BPF cannot be used, or before Linux 5.10, which cannot run the programs. */
  static open(host: HostPath): Probes | null {
    let object: BpfObject | null = null;
    try {
      // the agent has an iterator of tasks beside its other programs
      ({ object } = loadObject("probes", (opened) => opened.program("tasks").setAutoload(false)));
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
    this.openFiles?.close();
    this.nsHolders?.close();
    this.#object.close();
  }
}

function openNsHolders(object: BpfObject, host: HostPath): NsHolderReader | null {
  const reader = new NsHolderReader(object, host);
  try {
    reader.read();
    return reader;
  } catch (error) {
    reader.close();
    if (error instanceof LibbpfError) return null;
    throw error;
  }
}
