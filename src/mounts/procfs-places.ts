import type { Mount, Propagation } from "../kernel/mountinfo.js";
import type { MountTree } from "./mount-tree.js";
import { type CoverKind, isReadonly, procfsViews } from "./pseudo-view.js";
import type { Viewer } from "./viewers.js";

/** The mount table of one namespace, as far as this needs it. */
export interface ProcfsTable {
  /** Inode number of the mount namespace. */
  readonly ns: number;
  readonly mounts: readonly Mount[];
}

/** What lies on a path of a procfs: see {@link CoverKind}. */
export interface PlaceCover {
  /** Within the instance. */
  readonly path: string;
  readonly kind: CoverKind;
  readonly fsType: string;
}

/** A mount of a procfs instance in a mount namespace. */
export interface ProcfsPlace {
  /** Inode number of the mount namespace. */
  readonly mntNs: number;
  /** As in the first column of mountinfo. */
  readonly mountId: number;
  /** The id that is never reused, decimal; null before Linux 6.8. */
  readonly uniqueId: string | null;
  /** Relative to the root of the process whose table was read. */
  readonly path: string;
  /** What it shows: `/` for the whole instance, else the directory or file that was bound. */
  readonly root: string;
  /** The mount or the superblock is read-only. */
  readonly readonly: boolean;
  /** Another mount lies over it: it is reached again when that is taken away. */
  readonly covered: boolean;
  readonly covers: readonly PlaceCover[];
  readonly propagation: Propagation;
  /** Who is in the mount namespace. */
  readonly viewers: readonly Viewer[];
}

/**
 * The places of procfs instances in one mount table. Mounts that only protect a part of another (a read-only bind of
 * /proc/sys on itself) are not places but covers of it.
 */
export function* placesIn(
  tree: MountTree,
  { ns }: ProcfsTable,
  viewers: readonly Viewer[],
): Generator<{ readonly mount: Mount; readonly place: ProcfsPlace }> {
  const reached = new Set<Mount>();
  for (const view of procfsViews(tree)) {
    const covers = view.covers.map(({ path, kind, mount }) => ({ path, kind, fsType: mount.fsType }));
    reached.add(view.mount);
    for (const cover of view.covers) reached.add(cover.mount);
    yield { mount: view.mount, place: place(view.mount, ns, viewers, { covers, covered: false }) };
  }
  const byId = new Map(tree.mounts.map((mount) => [mount.id, mount]));
  for (const mount of tree.mounts) {
    if (mount.fsType !== "proc" || reached.has(mount) || isPartOf(mount, byId.get(mount.parent))) continue;
    yield { mount, place: place(mount, ns, viewers, { covers: [], covered: true }) };
  }
}

function place(
  mount: Mount,
  mntNs: number,
  viewers: readonly Viewer[],
  { covers, covered }: Pick<ProcfsPlace, "covers" | "covered">,
): ProcfsPlace {
  return {
    mntNs,
    mountId: mount.id,
    uniqueId: mount.uniqueId ?? null,
    path: mount.point,
    root: mount.root,
    readonly: isReadonly(mount),
    covered,
    covers,
    propagation: mount.propagation,
    viewers,
  };
}

/** Whether `mount` shows, below its parent, what would be at that place anyway. */
function isPartOf(mount: Mount, parent: Mount | undefined): boolean {
  if (parent?.dev !== mount.dev || !mount.point.startsWith(parent.point)) return false;
  const rest = mount.point.slice(parent.point === "/" ? 0 : parent.point.length);
  return rest !== "" && mount.root === (parent.root === "/" ? rest : parent.root + rest);
}
