import { release } from "node:os";
import { HostPath } from "../kernel/host-path.js";
import { readNamespaceLink } from "../kernel/nsfs.js";
import { catalogue } from "./catalogue.js";
import type { Entry } from "./entry.js";
import { EntryIndex } from "./entry-index.js";
import { type HostEntries, readHostEntries } from "./host-entries.js";

/** What is the same for all containers of a node when it is judged what they reach. */
export interface ReachFacts {
  readonly host: HostEntries;
  /** The catalogue's entries of processes: EntryIndex.processes. */
  readonly processes: readonly Entry[];
  /** Whether the agent is in the host's network namespace, whose sysctls are then the ones that were read. */
  readonly inHostNet: boolean;
}

/**
 * Loads the catalogue and looks through the host's procfs; `hostNet` is the host's network namespace. Throws
 * KEYHOLE_CATALOGUE. A module can make entries at any time: what is kept of this gets old.
 */
export function readReachFacts(host: HostPath, hostNet: number): ReachFacts {
  const [major = 0, minor = 0] = release().split(/[.-]/).map(Number);
  const index = new EntryIndex(catalogue(), "proc", [major, minor]);
  const own = readNamespaceLink(new HostPath().proc("self", "ns", "net"));
  return {
    host: readHostEntries(host, index),
    processes: index.processes,
    inHostNet: own.ok && own.value === hostNet,
  };
}
