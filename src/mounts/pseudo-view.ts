import type { Mount } from "../kernel/mountinfo.js";
import { parseProcfsOptions } from "../kernel/procfs-options.js";
import { MaskJudge, type MaskOracle, type MaskProof } from "./masks.js";
import type { MountTree } from "./mount-tree.js";

/**
 * What a mount on a path of procfs or sysfs does to it:
 *
 * - `mask`: hides it behind nothing. A file behind the null device, a directory behind an empty one.
 * - `readonly`: the same path of the same superblock, read-only.
 * - `writable`: the same path of the same superblock, writable: it protects nothing.
 * - `other`: something else stands there. LXCFS's files do, and so does what CVE-2025-31133 puts there.
 */
export type CoverKind = "mask" | "readonly" | "writable" | "other";

export interface Cover {
  /** Within the filesystem: `/sys/kernel`, wherever that is mounted. */
  readonly path: string;
  readonly kind: CoverKind;
  readonly mount: Mount;
  /** Of a mask: how it is known to be one. */
  readonly proof?: MaskProof;
}

/** A mount of procfs or sysfs that a process can reach, and what lies on it. */
export interface PseudoView {
  readonly mount: Mount;
  /** Where it is, relative to the root of the process. */
  readonly point: string;
  /** What it shows: `/` for the whole filesystem, else the directory or file that was bound. */
  readonly root: string;
  readonly dev: string;
  readonly readonly: boolean;
  /** procfs only: `pid` where the instance has nothing but the directories of processes (proc(5)). */
  readonly subset: "pid" | null;
  readonly covers: readonly Cover[];
}

/** Every procfs mount that the process can reach. `oracle` is asked about masks that the table alone does not prove. */
export function procfsViews(tree: MountTree, oracle: MaskOracle | null = null): PseudoView[] {
  return pseudoViews(tree, "proc", oracle);
}

/** Every sysfs mount that the process can reach. */
export function sysfsViews(tree: MountTree, oracle: MaskOracle | null = null): PseudoView[] {
  return pseudoViews(tree, "sysfs", oracle);
}

function pseudoViews(tree: MountTree, fsType: "proc" | "sysfs", oracle: MaskOracle | null): PseudoView[] {
  const judge = new MaskJudge(tree, oracle);
  const visible = tree.visible();
  const byPoint = new Map(visible.map((mount) => [mount.point, mount]));
  const views: (PseudoView & { readonly covers: Cover[] })[] = [];
  const viewAt = new Map<string, (typeof views)[number]>();
  for (const mount of visible) {
    if (mount.fsType !== fsType || isPartOfAnother(mount, byPoint)) continue;
    const view = {
      mount,
      point: mount.point,
      root: mount.root,
      dev: mount.dev,
      readonly: isReadonly(mount),
      subset: fsType === "proc" ? parseProcfsOptions(mount.superOptions).subset : null,
      covers: [],
    };
    views.push(view);
    viewAt.set(mount.point, view);
  }
  // From each mount up to the views it lies on, not from each view down: a container can mount procfs thousands
  // of times, but a path has few parts.
  for (const mount of visible) {
    for (const directory of ancestors(mount.point)) {
      const view = viewAt.get(directory);
      if (view !== undefined) view.covers.push(cover(view.mount, mount, judge));
    }
  }
  return views;
}

/** Whether `mount` shows, below another mount of the same superblock, what would be at that place anyway. */
function isPartOfAnother(mount: Mount, byPoint: ReadonlyMap<string, Mount>): boolean {
  for (const directory of ancestors(mount.point)) {
    const other = byPoint.get(directory);
    if (other?.dev === mount.dev && pathWithin(other, mount.point) === mount.root) return true;
  }
  return false;
}

/** The directories above `path`, the nearest first, down to `/`. */
function* ancestors(path: string): Generator<string> {
  if (path === "/") return;
  for (let slash = path.lastIndexOf("/"); slash > 0; slash = path.lastIndexOf("/", slash - 1)) {
    yield path.slice(0, slash);
  }
  yield "/";
}

function cover(base: Mount, mount: Mount, judge: MaskJudge): Cover {
  const path = pathWithin(base, mount.point);
  if (mount.dev === base.dev && mount.root === path)
    return { path, kind: isReadonly(mount) ? "readonly" : "writable", mount };
  const proof = judge.prove(mount);
  return proof === null ? { path, kind: "other", mount } : { path, kind: "mask", mount, proof };
}

/** Whether the mount or its superblock is read-only. */
export function isReadonly(mount: Mount): boolean {
  return mount.options.includes("ro") || mount.superOptions.includes("ro");
}

/** Whether `path` of the filesystem can be reached through `view` at all, in whole or in part. */
export function shows(view: PseudoView, path: string): boolean {
  if (!isAt(path, view.root) && !isAt(view.root, path)) return false;
  return view.subset === null || /^\/(?:$|[0-9])/.test(path);
}

/** Whether a mask lies on `path` or on a directory above it. */
export function isMasked(view: PseudoView, path: string): boolean {
  return view.covers.some((cover) => cover.kind === "mask" && isAt(path, cover.path));
}

/**
 * Where `path` or something below it can be written through `view`, file modes aside: `path` itself, or else
 * what is mounted writable again below a read-only one. Paths of the filesystem; empty when all is protected.
 */
export function writablePaths(view: PseudoView, path: string): string[] {
  if (!shows(view, path)) return [];
  const start = isAt(view.root, path) ? view.root : path;
  if (stateAt(view, start) === "writable") return [start];
  return view.covers
    .filter((cover) => cover.kind === "writable" && isBelow(cover.path, start))
    .map((cover) => cover.path);
}

/** What the innermost mount over `path` does to it, be it the view's own. */
function stateAt(view: PseudoView, path: string): CoverKind {
  let deepest = "";
  let kind: CoverKind = view.readonly ? "readonly" : "writable";
  for (const cover of view.covers) {
    if (isAt(path, cover.path) && cover.path.length > deepest.length) {
      deepest = cover.path;
      kind = cover.kind;
    }
  }
  return kind;
}

/** The path of the process that `path` of the filesystem has through `view`: `/host/proc/sys` for `/sys`. */
export function pointOf(view: PseudoView, path: string): string {
  const rest = view.root === "/" ? path : path.slice(view.root.length);
  return view.point === "/" ? rest : `${view.point}${rest === "/" ? "" : rest}`;
}

/** The path within the filesystem of `point`, which is at or below the mount point of `base`. */
function pathWithin(base: Mount, point: string): string {
  const rest = base.point === "/" ? point : point.slice(base.point.length);
  return base.root === "/" ? rest || "/" : `${base.root}${rest}`;
}

/** Whether `path` is `directory` or below it. */
function isAt(path: string, directory: string): boolean {
  return path === directory || isBelow(path, directory);
}

function isBelow(path: string, directory: string): boolean {
  if (directory === "/") return path !== "/";
  return path.startsWith(directory) && path.charCodeAt(directory.length) === 47;
}
