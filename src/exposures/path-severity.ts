import { SEVERITIES, type Severity } from "../event.js";
import { type PseudoView, writablePaths } from "../mounts/pseudo-view.js";
import { type CapabilityName, includes } from "./capabilities.js";
import { catalogue } from "./catalogue.js";
import type { ContainerView } from "./container-view.js";
import { classSeverity, type Entry, type EntryAccess } from "./entry.js";
import { worst } from "./worst.js";

/** What of the catalogue lies at a path, and how bad it is that a container's root reaches it. */
export interface PathSeverity {
  readonly severity: Severity;
  /** What the worst of it gives, in the catalogue's words; empty where nothing of the catalogue is there. */
  readonly effect: string;
}

export type AccessKind = "read" | "write";

type Container = Pick<ContainerView, "realRoot" | "capabilities" | "initUserNs">;

/**
 * How severe it is that the root of a container reaches `path`, and what is below it, of the file system `fs`: as in the
 * catalogue, by whether that root is the host's. What only lacks a capability over the host counts as low, and what the
 * kernel refuses to this class of root as info. Paths of sysfs begin with /sys, those of proc are within it. Throws KEYHOLE_CATALOGUE.
 */
export function pathSeverity(
  container: Container,
  fs: string,
  path: string,
  kinds: readonly AccessKind[],
): PathSeverity {
  let best: PathSeverity = { severity: "info", effect: "" };
  for (const entry of entriesAt(fs, path)) {
    for (const access of kinds.map((kind) => entry[kind])) {
      if (access === undefined) continue;
      const severity = accessSeverity(container, access);
      const isWorse = SEVERITIES.indexOf(severity) < SEVERITIES.indexOf(best.severity);
      if (isWorse || best.effect === "") best = { severity, effect: access.effect };
    }
  }
  return best;
}

/** What can be done with a path through `view`, file modes aside. */
export function accessThrough(view: PseudoView, path: string): readonly AccessKind[] {
  return writablePaths(view, path).length > 0 ? ["read", "write"] : ["read"];
}

/** The next worse one. */
export function raised(severity: Severity): Severity {
  return SEVERITIES[Math.max(0, SEVERITIES.indexOf(severity) - 1)]!;
}

function accessSeverity(container: Container, access: EntryAccess): Severity {
  const own = classSeverity(access, container.realRoot ? "host_root" : "userns_root");
  if (own === null) return "info";
  const counts = container.initUserNs || access.capability_of !== undefined;
  const has = (name: CapabilityName) => counts && includes(container.capabilities, name);
  if (access.requires?.every(has) === false) return container.initUserNs ? "low" : "info";
  const more = access.raised !== undefined && has(access.raised.by) ? access.raised.to : null;
  return worst([own, more]) ?? own;
}

const found = new Map<string, readonly Entry[]>();
/** Paths that are remembered; rules ask about those of lists, and about what was bound. */
const CAPACITY = 1024;

function entriesAt(fs: string, path: string): readonly Entry[] {
  const key = `${fs}:${path}`;
  const known = found.get(key);
  if (known !== undefined) return known;
  const own = catalogue().entries.filter((entry) => entry.fs === fs && entry.scope !== "process");
  let at = own.filter(({ paths }) => paths.some((pattern) => isAtOrBelow(pattern, path)));
  if (at.length === 0) at = mostSpecific(own, path);
  if (found.size < CAPACITY) found.set(key, at);
  return at;
}

function isAtOrBelow(pattern: string, path: string): boolean {
  return pattern === path || pattern.startsWith(path === "/" ? "/" : `${path}/`);
}

/** The entry whose pattern fits `path` and has most letters. */
function mostSpecific(own: readonly Entry[], path: string): Entry[] {
  let best: Entry | null = null;
  let length = -1;
  for (const entry of own) {
    for (const pattern of entry.paths) {
      if (pattern.length > length && matches(pattern, path)) {
        best = entry;
        length = pattern.length;
      }
    }
  }
  return best === null ? [] : [best];
}

/** Of `*` any name, of `**` any names. */
function matches(pattern: string, path: string): boolean {
  const wanted = pattern.split("/");
  const parts = path.split("/");
  for (const [index, name] of wanted.entries()) {
    if (name === "**") return parts.length > index;
    if (parts[index] === undefined || (name !== "*" && name !== parts[index])) return false;
  }
  return wanted.length === parts.length;
}
