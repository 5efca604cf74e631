import { LINK_INDEX } from "../kernel/links.js";
import { isMasked, type PseudoView, pointOf, shows, writablePaths } from "../mounts/pseudo-view.js";
import type { ContainerView } from "./container-view.js";

/** A mask or a read-only mount that a container was seen with. */
export interface Protection {
  readonly kind: "mask" | "readonly";
  /** Of the procfs or sysfs superblock that is protected. */
  readonly dev: string;
  /** Within that filesystem. */
  readonly path: string;
  /** Where the container sees it. */
  readonly point: string;
}

/** A protection that does not protect any more. */
export interface Loss {
  readonly protection: Protection;
  /** `writable`: the mount is still there but writable; `removed`: gone, covered, or passed by another mount. */
  readonly how: "removed" | "writable";
  /** Where what was protected can be reached now. */
  readonly point: string;
}

interface Protected {
  /** The mount namespace it was seen in. */
  readonly mnt: number;
  readonly protections: Map<string, Protection>;
  /** Keys of what was reported as lost and has not come back. */
  readonly lost: Set<string>;
}

/**
 * Which masks and read-only mounts containers were seen with. Losses are found by comparing mount tables, not by
 * what a call named: paths in user memory can be relative, symbolic links, or rewritten while the call runs.
 */
export class Protections {
  readonly #capacity: number;
  readonly #containers = new Map<string, Protected>();
  #evictions = 0;

  constructor(capacity = 4096) {
    this.#capacity = capacity;
  }

  /** How many containers' protections were dropped to make room, and how many of one container found none. */
  get evictions(): number {
    return this.#evictions;
  }

  /** Adds what protects this container now. What was seen before and is gone stays, to be found as lost. */
  seen(view: ContainerView): void {
    const mnt = view.task.ns[LINK_INDEX.mnt]!;
    let known = this.#containers.get(view.container.id);
    if (known === undefined || known.mnt !== mnt) {
      known = { mnt, protections: new Map(), lost: new Set() };
      this.#containers.set(view.container.id, known);
      this.#makeRoom();
    }
    const { found, omitted } = protectionsOf(view);
    this.#evictions += omitted;
    for (const protection of found) {
      const key = keyOf(protection);
      if (lossOf(protection, view) !== null) continue;
      if (known.protections.size >= MAX_PROTECTIONS && !known.protections.has(key)) {
        this.#evictions += 1;
        continue;
      }
      known.protections.set(key, protection);
      known.lost.delete(key);
    }
  }

  /** Whether there is anything to lose: an unmasked container has nothing, whatever it mounts. */
  protects(containerId: string): boolean {
    return (this.#containers.get(containerId)?.protections.size ?? 0) > 0;
  }

  /** The protection that a container was seen with at `point`. */
  at(containerId: string, point: string): Protection | null {
    for (const protection of this.#containers.get(containerId)?.protections.values() ?? []) {
      if (protection.point === point) return protection;
    }
    return null;
  }

  /** What `view` lacks of what its container was seen with. What is returned once is not returned again. */
  takeLosses(view: ContainerView): Loss[] {
    const known = this.#containers.get(view.container.id);
    if (known === undefined) return [];
    const losses: Loss[] = [];
    for (const [key, protection] of known.protections) {
      if (known.lost.has(key)) continue;
      const loss = lossOf(protection, view);
      if (loss === null) continue;
      known.lost.add(key);
      losses.push(loss);
    }
    return losses;
  }

  forget(containerId: string): void {
    this.#containers.delete(containerId);
  }

  #makeRoom(): void {
    for (const id of this.#containers.keys()) {
      if (this.#containers.size <= this.#capacity) return;
      this.#containers.delete(id);
      this.#evictions += 1;
    }
  }
}

/** Of one container, which can stack any number of mounts below its /proc; runtimes make about twenty. */
const MAX_PROTECTIONS = 256;

function protectionsOf(view: ContainerView) {
  const found: Protection[] = [];
  let omitted = 0;
  for (const base of [...view.procfs, ...view.sysfs]) {
    for (const { kind, path } of base.covers) {
      if (kind !== "mask" && kind !== "readonly") continue;
      if (found.length >= MAX_PROTECTIONS) omitted += 1;
      else found.push({ kind, dev: base.dev, path, point: pointOf(base, path) });
    }
  }
  return { found, omitted };
}

/** How `protection` fails in `view`, null when it holds or when its superblock is not mounted there any more. */
function lossOf(protection: Protection, view: ContainerView): Loss | null {
  const { dev, path, kind } = protection;
  for (const base of [...view.procfs, ...view.sysfs]) {
    if (base.dev !== dev || !shows(base, path)) continue;
    if (kind === "mask" ? isMasked(base, path) : writablePaths(base, path).length === 0) continue;
    const inPlace = kind === "readonly" && isMountedWritable(base, path);
    return { protection, how: inPlace ? "writable" : "removed", point: pointOf(base, path) };
  }
  return null;
}

function isMountedWritable(base: PseudoView, path: string): boolean {
  return base.covers.some((cover) => cover.path === path && cover.kind === "writable");
}

function keyOf({ dev, path, kind }: Protection): string {
  return `${dev} ${kind} ${path}`;
}
