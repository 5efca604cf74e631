import { parseProcfsOptions } from "../kernel/procfs-options.js";
import { pointOf } from "../mounts/pseudo-view.js";
import type { ContainerProcfs } from "./container-view.js";
import type { Covers } from "./covers.js";
import { classSeverity, type Entry, type EntryAccess } from "./entry.js";
import type { Kin } from "./kin.js";
import type { Reach } from "./reach.js";
import { hasOverHost, type Subject } from "./subject.js";
import { worst } from "./worst.js";

/** What `subject` can do with the processes that an instance shows and that are not its container's. */
export function processReach(
  procfs: ContainerProcfs,
  entry: Entry,
  subject: Subject,
  mounts: Covers,
  kin: Kin | null,
): readonly Reach[] {
  const isTraced = hasOverHost(subject, "CAP_SYS_PTRACE");
  const { hidepid } = parseProcfsOptions(procfs.mount.superOptions);
  const isListed = hidepid === "off" || isTraced;
  const readonly = mounts.over("/1").readonly;
  // of a bind of one process's directory, what is below it
  const bound = /^\/\d+(?=\/|$)/.exec(procfs.root);
  if (procfs.root !== "/" && bound === null) return [];
  const rest = bound === null ? "" : `/[pid]${procfs.root.slice(bound[0].length)}`;
  return entry.paths.flatMap((pattern): Reach[] => {
    if (!pattern.startsWith(rest)) return [];
    const allowed = throughGate(entry, { isTraced, isListed, kin });
    const may = (access: EntryAccess | undefined) =>
      access !== undefined && (access.requires ?? []).every((name) => hasOverHost(subject, name));
    const severityOf = (access: EntryAccess | undefined, answer: boolean | null) => {
      const severity = answer === false ? null : classSeverity(access, subject.class);
      // what another container's process gives is not the host
      const isElsewhere = !isTraced && kin !== null && kin.container !== null;
      return severity === "critical" && isElsewhere ? "high" : severity;
    };
    const read = may(entry.read) ? allowed.read : false;
    const write = may(entry.write) && !readonly ? allowed.write : false;
    return [
      {
        path: pointOf({ ...procfs, root: "/" }, pattern.slice(rest.length)),
        dev: procfs.dev,
        read,
        write,
        why: allowed.why,
        entry: entry.id,
        known: true,
        severity: worst([severityOf(entry.read, read), severityOf(entry.write, write)]),
      },
    ];
  });
}

interface Gate {
  /** Whether the subject may look into any process. */
  readonly isTraced: boolean;
  /** Whether it sees the directories of all processes. */
  readonly isListed: boolean;
  readonly kin: Kin | null;
}

function throughGate(
  { gate }: Entry,
  { isTraced, isListed, kin }: Gate,
): Pick<Reach, "read" | "write" | "why"> {
  if (isTraced) return { read: true, write: true, why: "" };
  switch (gate) {
    case "none":
      return isListed
        ? { read: true, write: true, why: "" }
        : { read: null, write: null, why: "hidepid hides processes that it may not look into" };
    case "ptrace":
      return kin === null
        ? {
            read: false,
            write: false,
            why: "there is no process that its uid and capabilities are enough for",
          }
        : { read: true, write: null, why: `of ${nameOf(kin)}, by its uid` };
    case "owner":
      return { read: null, write: null, why: "of processes with its uid" };
    default:
      return { read: false, write: false, why: "a process's own only" };
  }
}

function nameOf({ pid, container }: Kin): string {
  return container === null ? `process ${pid}` : `process ${pid} of container ${container}`;
}
