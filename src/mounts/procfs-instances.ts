import type { ContainerRef } from "../event.js";
import type { Mount } from "../kernel/mountinfo.js";
import { type Hidepid, parseProcfsOptions } from "../kernel/procfs-options.js";
import { MountTree } from "./mount-tree.js";
import type { ProcfsHistory } from "./procfs-history.js";
import { type ProcfsPlace, type ProcfsTable, placesIn } from "./procfs-places.js";
import type { ProcfsSuperblock, ProcfsSuperblockList } from "./superblocks.js";
import type { Viewer } from "./viewers.js";

/** An open file on a procfs instance, and whose it is. */
export interface ProcfsHolder {
  readonly pid: number;
  readonly fd: number;
  readonly comm: string | null;
  readonly exe: string | null;
  readonly container: ContainerRef | null;
  /** Its mount is in no mount namespace. */
  readonly detached: boolean;
  /** It is the root of the mount, as what fsmount(2) returns is. */
  readonly root: boolean;
}

/** How an instance is kept: by mounts, by open files, or by what no list shows. */
export type ProcfsKeeper = "mounts" | "files" | "kernel";

/** One procfs superblock: whose processes it shows, how, and from where it can be reached. */
export interface ProcfsInstance {
  /** major:minor as in mountinfo. */
  readonly dev: string;
  /** Inode number of the pid namespace whose processes it shows; null where the kernel could not be asked. */
  readonly pidNs: number | null;
  /** 0 for the initial pid namespace, one more for each level below it. */
  readonly pidLevel: number | null;
  /** Inode number of the user namespace that owns it. */
  readonly userNs: number | null;
  readonly hidepid: Hidepid;
  /** The group that hidepid does not hold for, in numbers of the initial user namespace (by BPF) or the reader's. */
  readonly gid: number;
  readonly subset: "pid" | null;
  /** Milliseconds since 1970. */
  readonly firstSeen: number;
  /** The mount story that made it, where one was seen. */
  readonly story: string | null;
  /**
   * Its options are others than those of the instance that most processes have at /proc, of those that show the same
   * pid namespace. Null where the pid namespace is not known.
   */
  readonly private: boolean | null;
  /** Whether it is that of the host's own /proc; null where that is not known. */
  readonly host: boolean | null;
  readonly keeper: ProcfsKeeper;
  readonly places: readonly ProcfsPlace[];
  /** Open files on detached mounts; of an instance that is mounted nowhere, all of them. */
  readonly holders: readonly ProcfsHolder[];
}

/** What an instance is put together from. */
export interface ProcfsSources {
  /** Null without BPF: the instances are then those that are mounted. */
  readonly superblocks: ProcfsSuperblockList | null;
  /** One for each mount namespace. */
  readonly tables: Iterable<ProcfsTable>;
  readonly viewers: ReadonlyMap<number, readonly Viewer[]>;
  /** Null where open files could not be read. */
  readonly files: readonly (ProcfsHolder & { readonly dev: string })[] | null;
  /** See readHostProcDev(). */
  readonly hostProcDev: string | null;
  /** Whose processes a mounted instance shows, where the kernel's list does not tell: {@link pidNsBySelf}. */
  readonly pidNsOf: (place: ProcfsPlace, dev: string) => number | null;
  readonly history: ProcfsHistory;
  /** Milliseconds since 1970. */
  readonly now: number;
}

interface Found {
  readonly superblock: ProcfsSuperblock | null;
  readonly places: ProcfsPlace[];
  readonly holders: (ProcfsHolder & { readonly dev: string })[];
  /** Options as a mount table has them. */
  mount: Mount | null;
}

/** Every procfs instance of the node, by device number: what is mounted anywhere, held by files, or kept by the kernel. */
export function joinProcfs(sources: ProcfsSources): ProcfsInstance[] {
  const { superblocks, history, now } = sources;
  if (superblocks !== null) history.seen(superblocks.superblocks, superblocks.complete, now);
  const found = collect(sources);
  const instances = [...found].map(([dev, one]) => instance(dev, one, sources));
  return markPrivate(instances).sort((a, b) => compareDev(a.dev, b.dev));
}

function collect({ superblocks, tables, viewers, files }: ProcfsSources): Map<string, Found> {
  const found = new Map<string, Found>();
  const at = (dev: string): Found => {
    let one = found.get(dev);
    if (one === undefined) {
      one = { superblock: null, places: [], holders: [], mount: null };
      found.set(dev, one);
    }
    return one;
  };
  for (const superblock of superblocks?.superblocks ?? [])
    found.set(superblock.dev, { superblock, places: [], holders: [], mount: null });
  for (const table of tables) {
    for (const { mount, place } of placesIn(
      new MountTree(table.mounts),
      table,
      viewers.get(table.ns) ?? [],
    )) {
      const one = at(mount.dev);
      one.mount ??= mount;
      one.places.push(place);
    }
  }
  for (const file of files ?? []) at(file.dev).holders.push(file);
  return found;
}

function instance(dev: string, found: Found, sources: ProcfsSources): ProcfsInstance {
  const { superblock, mount, places } = found;
  const options = superblock ?? parseProcfsOptions(mount?.superOptions ?? []);
  const pidNs = superblock?.pidNs ?? firstKnown(places, (place) => sources.pidNsOf(place, dev));
  const origin = superblock === null ? null : sources.history.of(superblock);
  const holders = found.holders.filter(({ detached }) => detached || places.length === 0).map(withoutDev);
  return {
    dev,
    pidNs,
    pidLevel: superblock?.pidLevel ?? null,
    userNs: superblock?.userNs ?? null,
    hidepid: options.hidepid,
    gid: options.gid,
    subset: options.subset,
    firstSeen: origin?.firstSeen ?? sources.now,
    story: origin?.story ?? null,
    private: null,
    host: sources.hostProcDev === null ? null : dev === sources.hostProcDev,
    keeper: places.length > 0 ? "mounts" : holders.length > 0 ? "files" : "kernel",
    places,
    holders,
  };
}

function firstKnown(
  places: readonly ProcfsPlace[],
  ask: (place: ProcfsPlace) => number | null,
): number | null {
  for (const place of places) {
    const answer = ask(place);
    if (answer !== null) return answer;
  }
  return null;
}

function withoutDev({ dev: _, ...holder }: ProcfsHolder & { readonly dev: string }): ProcfsHolder {
  return holder;
}

/** Says which differ from what the processes of their pid namespace have at /proc. */
function markPrivate(instances: readonly ProcfsInstance[]): ProcfsInstance[] {
  const usual = new Map<number, ProcfsInstance>();
  for (const one of instances) {
    if (one.pidNs === null) continue;
    const best = usual.get(one.pidNs);
    if (best === undefined || isMoreUsual(one, best)) usual.set(one.pidNs, one);
  }
  return instances.map((one) => {
    if (one.pidNs === null) return one;
    return { ...one, private: optionsOf(one) !== optionsOf(usual.get(one.pidNs)!) };
  });
}

function isMoreUsual(one: ProcfsInstance, other: ProcfsInstance): boolean {
  const [a, b] = [usage(one), usage(other)];
  const difference = a.findIndex((value, index) => value !== b[index]);
  return difference >= 0 && a[difference]! > b[difference]!;
}

/** The more of what comes first, the more usual. */
function usage(one: ProcfsInstance): readonly number[] {
  let [atProc, anywhere] = [0, 0];
  for (const { path, root, covered, viewers } of one.places) {
    const processes = viewers.reduce((sum, viewer) => sum + viewer.processes, 0);
    if (path === "/proc" && root === "/" && !covered) atProc += processes;
    anywhere += processes;
  }
  const plain = one.hidepid === "off" && one.gid === 0 && one.subset === null ? 1 : 0;
  return [atProc, anywhere, plain, -one.firstSeen];
}

function optionsOf({ hidepid, gid, subset }: ProcfsInstance): string {
  return `${hidepid} ${gid} ${subset}`;
}

function compareDev(a: string, b: string): number {
  const [aMajor = 0, aMinor = 0] = a.split(":").map(Number);
  const [bMajor = 0, bMinor = 0] = b.split(":").map(Number);
  return aMajor - bMajor || aMinor - bMinor;
}
