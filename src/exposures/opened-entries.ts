import { FMODE, type OpenPattern, type OpenStart } from "../capture/open-table.js";
import { SEVERITIES } from "../event.js";
import type { Entries, Entry, EntryAccess } from "./entry.js";
import { EntryIndex } from "./entry-index.js";

export type AccessName = "read" | "write";

/** What an opened file is in the catalogue. */
export interface Opened {
  readonly entry: Entry;
  /** How it has to be opened to be told. */
  readonly access: readonly AccessName[];
  /** The same where the namespace of the entry's scope is the host's. */
  readonly sharedAccess: readonly AccessName[];
}

/**
 * Where each file system usually is, which is how the catalogue writes its paths; the longest that fits counts. The
 * hierarchies of cgroup v1 are one directory further down.
 */
const PLACES: readonly (readonly [place: string, fs: OpenStart])[] = [
  ["/proc", "proc"],
  ["/proc/sys/fs/binfmt_misc", "binfmt_misc"],
  ["/proc/fs/nfsd", "nfsd"],
  ["/sys", "sysfs"],
  ["/sys/fs/cgroup", "cgroup2"],
  ["/sys/kernel/debug", "debugfs"],
  ["/sys/kernel/tracing", "tracefs"],
  ["/sys/kernel/debug/tracing", "tracefs"],
  ["/sys/kernel/security", "securityfs"],
  ["/sys/kernel/config", "configfs"],
  ["/sys/fs/bpf", "bpf"],
  ["/sys/fs/selinux", "selinuxfs"],
  ["/sys/fs/pstore", "pstore"],
  ["/sys/fs/fuse/connections", "fusectl"],
  ["/sys/fs/resctrl", "resctrl"],
  ["/sys/firmware/efi/efivars", "efivarfs"],
  ["/var/lib/nfs/rpc_pipefs", "rpc_pipefs"],
];
const CGROUP = "/sys/fs/cgroup";
/** Stands for the directory of a hierarchy of cgroup v1. */
const HIERARCHY = "/hierarchy";

const PID = "/[pid]";
const ACCESS_NAMES = ["read", "write"] as const;

/** The catalogue by what an opened file is: its file system and its path in it. */
export class OpenedEntries {
  /** What the kernel side is to look for: where the most specific entry decides, it says yes to some more. */
  readonly patterns: readonly OpenPattern[];
  readonly #indexes: ReadonlyMap<string, EntryIndex>;
  /** Entries of processes, by their paths below the directory of one. */
  readonly #ofProcesses: EntryIndex;

  constructor(catalogue: Entries, release: readonly [number, number]) {
    const { entries } = catalogue;
    this.patterns = entries.flatMap((entry) => entry.paths.flatMap((path) => patternsOf(entry, path)));
    const types = new Set(entries.map(({ fs }) => fs));
    this.#indexes = new Map([...types].map((fs) => [fs, new EntryIndex(catalogue, fs, release)]));
    const ofProcesses = entries
      .filter(({ scope }) => scope === "process")
      .map((entry) => ({
        ...entry,
        scope: "global" as const,
        paths: entry.paths.map((path) => path.slice(PID.length)),
      }));
    this.#ofProcesses = new EntryIndex({ entries: ofProcesses, names: [] }, "proc", release);
  }

  /**
   * What the file at `path` of a file system of type `fs` is; null for what the catalogue has not. `ofProcess`: procfs has it
   * in the directory of a process, where the files of each thread count as those of the process.
   */
  find(fs: string, path: string, ofProcess: boolean): Opened | null {
    const entry = ofProcess ? this.#ofProcess(path) : this.#find(fs, path);
    if (entry === null) return null;
    const demanded = (shared: boolean) => ACCESS_NAMES.filter((name) => matters(entry[name], shared));
    return { entry, access: demanded(false), sharedAccess: demanded(true) };
  }

  #ofProcess(path: string): Entry | null {
    return this.#ofProcesses.find(path.replace(/^\/[^/]+(?:\/task\/[^/]+)?/, ""));
  }

  #find(fs: string, path: string): Entry | null {
    if (fs === "cgroup") return this.#indexes.get(fs)?.find(CGROUP + HIERARCHY + path) ?? null;
    for (const [place, type] of PLACES) {
      if (type !== fs) continue;
      const full = place + path;
      for (const [of, index] of this.#indexes) {
        const entry = of === "proc" ? index.find(full.slice("/proc".length)) : index.find(full);
        const fits =
          entry !== null && (of === "proc") === full.startsWith("/proc/") && placeOf(full)?.[1] === fs;
        if (fits) return entry;
      }
    }
    return null;
  }
}

function placeOf(path: string): readonly [place: string, fs: OpenStart] | null {
  const fits = PLACES.filter(([place]) => path.startsWith(`${place}/`));
  return fits.sort(([a], [b]) => b.length - a.length)[0] ?? null;
}

/** What the kernel is to look for, for one path of an entry; none for what is in no file system that is looked at. */
function patternsOf(entry: Entry, path: string): OpenPattern[] {
  const access = ACCESS_NAMES.reduce(
    (bits, name) => bits | (matters(entry[name], true) ? FMODE[name] : 0),
    0,
  );
  if (access === 0) return [];
  const names = (rest: string) => rest.split("/").slice(1);
  if (entry.scope === "process") {
    const within = names(path.slice(PID.length));
    return [within, ["task", "*", ...within]].map((all) => ({ start: "process", names: all, access }));
  }
  if (entry.fs === "cgroup") {
    const [first, ...rest] = names(path.slice(CGROUP.length));
    return [{ start: "cgroup", names: first === "**" ? ["**?", ...rest] : rest, access }];
  }
  const full = entry.fs === "proc" ? `/proc${path}` : path;
  const place = placeOf(full);
  return place === null ? [] : [{ start: place[1], names: names(full.slice(place[0].length)), access }];
}

/** Is it more than a fact that everybody may know? `shared`: also where that takes the host's namespace. */
function matters(access: EntryAccess | undefined, shared: boolean): boolean {
  if (access === undefined) return false;
  const { severity, raised } = access;
  const worst = [...Object.values(severity), raised?.to, shared ? access.shared : undefined];
  return worst.some((one) => one !== undefined && one !== SEVERITIES.at(-1));
}
