import { type Dirent, lstatSync, readdirSync } from "node:fs";
import type { HostPath } from "../kernel/host-path.js";
import { readlink } from "../kernel/libc.js";
import { readMountinfo } from "../kernel/mountinfo.js";
import { MountTree } from "../mounts/mount-tree.js";
import type { Entry } from "./entry.js";
import type { EntryIndex } from "./entry-index.js";

/** Something that every procfs of this kernel has, outside of the directories of processes. */
export interface HostEntry {
  /** Within procfs: `/sys/kernel/core_pattern`. */
  readonly path: string;
  readonly kind: "file" | "link";
  /** Permission bits. */
  readonly mode: number;
  /** As the reader's user namespace shows them; the initial one's. */
  readonly uid: number;
  readonly gid: number;
  /** The directories above it that not everybody may search, with their modes. */
  readonly closed: readonly Pick<HostEntry, "path" | "mode" | "uid" | "gid">[];
  /** What the catalogue knows of it. */
  readonly entry: Entry | null;
  /** Whether it is in the catalogue, or under a name that this kernel's own source has. */
  readonly known: boolean;
}

export interface HostEntries {
  readonly entries: readonly HostEntry[];
  /** Directories that could not be looked into, with the errno. */
  readonly unread: readonly { readonly path: string; readonly errno: string }[];
  /** Paths that another mount on the host covers: what is below is not known. */
  readonly covered: readonly string[];
}

/** Deeper than any directory of procfs outside of those of processes. */
const MAX_DEPTH = 12;
/** More than the largest kernel has; vendors' drivers could make any number. */
const MAX_ENTRIES = 50_000;

/** Links to what belongs to the reader. */
const OF_READER: ReadonlySet<string> = new Set(["self", "thread-self"]);

/**
 * Looks through the host's own /proc: the entries of a container's are the same, with the same owners and modes, but for
 * those below /proc/sys/net. Nothing that is mounted on it is touched. A module can make new entries at any time.
 */
export function readHostEntries(host: HostPath, index: EntryIndex): HostEntries {
  const entries: HostEntry[] = [];
  const unread: { path: string; errno: string }[] = [];
  const covered = coveredPaths(host);
  const skipped = new Set(covered);

  const walk = (directory: string, closed: HostEntry["closed"], depth: number): void => {
    let names: Dirent[];
    try {
      names = readdirSync(host.proc() + directory, { withFileTypes: true });
    } catch (error) {
      unread.push({ path: directory, errno: errnoOf(error) });
      return;
    }
    for (const name of names) {
      if (depth === 0 && (/^\d+$/.test(name.name) || OF_READER.has(name.name))) continue;
      const path = `${directory}/${name.name}`;
      if (skipped.has(path) || entries.length >= MAX_ENTRIES) continue;
      const status = statusOf(host.proc() + path);
      if (status === null) continue;
      if (name.isSymbolicLink() && !leadsToReader(host.proc() + path)) continue;
      if (!name.isDirectory()) {
        const entry = index.find(path);
        const known = entry !== null || (!path.startsWith("/sys/") && index.isKnownName(path));
        const kind = name.isSymbolicLink() ? "link" : "file";
        entries.push({ path, kind, ...status, closed, entry, known });
      } else if (depth === MAX_DEPTH) {
        unread.push({ path, errno: "ENAMETOOLONG" });
      } else {
        const isOpen = (status.mode & 0o001) !== 0;
        walk(path, isOpen ? closed : [...closed, { path, ...status }], depth + 1);
      }
    }
  };
  walk("", [], 0);
  if (entries.length >= MAX_ENTRIES) unread.push({ path: "/", errno: "E2BIG" });
  return { entries, unread, covered };
}

/** Whether a link leads to what belongs to the reader, as /proc/net does; others lead out of procfs. */
function leadsToReader(path: string): boolean {
  const link = readlink(path);
  return link.ok && link.value.startsWith("self/");
}

/** What is mounted on the host's /proc, by its paths: an automount, or LXCFS where the host is a container itself. */
function coveredPaths(host: HostPath): string[] {
  const mounts = readMountinfo(host, 1) ?? [];
  const proc = "/proc";
  return new MountTree(mounts)
    .visible()
    .filter(({ point }) => point.startsWith(`${proc}/`))
    .map(({ point }) => point.slice(proc.length));
}

function statusOf(path: string): Pick<HostEntry, "mode" | "uid" | "gid"> | null {
  try {
    const { mode, uid, gid } = lstatSync(path);
    return { mode: mode & 0o777, uid, gid };
  } catch {
    // it went away meanwhile, as a driver's does
    return null;
  }
}

function errnoOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? String(error);
}
