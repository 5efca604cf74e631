import type { Severity } from "../event.js";
import { LINK_INDEX } from "../kernel/links.js";
import { pointOf, shows } from "../mounts/pseudo-view.js";
import type { ContainerProcfs, ContainerView } from "./container-view.js";
import { Covers } from "./covers.js";
import { classSeverity } from "./entry.js";
import type { HostEntry } from "./host-entries.js";
import type { Kin } from "./kin.js";
import { isOfHost, isRaised, permission, type Where } from "./permission.js";
import { processReach } from "./process-reach.js";
import type { ReachFacts } from "./reach-facts.js";
import type { Subject } from "./subject.js";
import { worst } from "./worst.js";

/** What a container can do with one entry of a procfs that it can see. */
export interface Reach {
  /** Where the container has it; `[pid]` stands for any process that is not the container's own. */
  readonly path: string;
  /** major:minor of the instance. */
  readonly dev: string;
  /** Null where it is decided process by process, or in a namespace that the agent is not in. */
  readonly read: boolean | null;
  readonly write: boolean | null;
  /** What decided where it is refused or not known; empty where both are allowed. */
  readonly why: string;
  /** Id of the catalogue's entry; null for what the catalogue does not have. */
  readonly entry: string | null;
  /** Whether the catalogue or the kernel's own source has it. */
  readonly known: boolean;
  /** Of the worse of what is allowed or may be; null where the kernel or a mount refuses both. */
  readonly severity: Severity | null;
}

export interface ReachSources extends ReachFacts {
  /** A process that an instance shows and the subject may look into; null where there is none. See {@link kinOf}. */
  readonly kin: (procfs: ContainerProcfs) => Kin | null;
}

/** What `subject` can read and write through each procfs mount of its container. */
export function reachOf(view: ContainerView, subject: Subject, sources: ReachSources): Reach[] {
  const where: Where = { ns: view.task.ns, hostNs: view.hostNs };
  const netIsRead = sources.inHostNet && where.ns[LINK_INDEX.net] === where.hostNs[LINK_INDEX.net];
  const found: Reach[] = [];
  for (const procfs of view.procfs) {
    const mounts = new Covers(procfs);
    let netTold = false;
    for (const target of sources.host.entries) {
      if (!isShown(procfs, target)) continue;
      if (!netIsRead && target.path.startsWith(NET)) {
        if (!netTold) found.push(ownNet(procfs, target, mounts));
        netTold = true;
      } else {
        found.push(reach(procfs, target, subject, where, mounts));
      }
    }
    // whose processes an instance shows is not known without BPF; most are their container's own
    if (procfs.shows === "host" || procfs.shows === "foreign") {
      const kin = sources.kin(procfs);
      for (const entry of sources.processes) found.push(...processReach(procfs, entry, subject, mounts, kin));
    }
  }
  return found;
}

const NET = "/sys/net/";

/** The most severe of `reaches`, null where nothing can be reached. */
export function worstOf(reaches: readonly Reach[]): Severity | null {
  return worst(reaches.map(({ severity }) => severity));
}

function isShown(procfs: ContainerProcfs, { path }: HostEntry): boolean {
  return procfs.subset === null && shows(procfs, path);
}

function reach(
  procfs: ContainerProcfs,
  target: HostEntry,
  subject: Subject,
  where: Where,
  mounts: Covers,
): Reach {
  const mount = mounts.over(target.path);
  const rights = permission(target, subject, where);
  const read = rights.read && !mount.hidden;
  const write = rights.write && !mount.hidden && !mount.readonly;
  return {
    path: pointOf(procfs, target.path),
    dev: procfs.dev,
    read,
    write,
    why: mount.hidden || (rights.write && !write) ? mount.why : rights.why,
    entry: target.entry?.id ?? null,
    known: target.known,
    severity: worst([
      read ? severityOf(target, "read", subject, where) : null,
      write ? severityOf(target, "write", subject, where) : null,
    ]),
  };
}

/** The sysctls of another network namespace: which there are, and their modes, only a process in it can see. */
function ownNet(procfs: ContainerProcfs, target: HostEntry, mounts: Covers): Reach {
  const directory = NET.slice(0, -1);
  const mount = mounts.over(directory);
  const isWritable = !mount.readonly || mounts.hasWritableBelow(directory);
  return {
    path: pointOf(procfs, directory),
    dev: procfs.dev,
    read: mount.hidden ? false : null,
    write: isWritable ? null : false,
    why: isWritable ? "those of its own network namespace, which are not the host's" : mount.why,
    entry: target.entry?.id ?? null,
    known: target.known,
    severity: mount.hidden && !isWritable ? null : "info",
  };
}

/** A severity of a known access; `info` for what the catalogue thinks the kernel refuses to this class. */
function severityOf(
  target: HostEntry,
  kind: "read" | "write",
  subject: Subject,
  where: Where,
): Severity | null {
  const { entry, mode, known } = target;
  if (entry === null) {
    if (known) return kind === "read" ? "info" : "low";
    if (kind === "read") return "low";
    return (mode & 0o002) !== 0 ? "high" : "medium";
  }
  const access = entry[kind];
  if (access === undefined) return "info";
  if (isRaised(entry, kind, subject)) return access.raised!.to;
  if (access.shared !== undefined && entry.scope !== "global" && isOfHost(entry, where)) return access.shared;
  return classSeverity(access, subject.class) ?? "info";
}
