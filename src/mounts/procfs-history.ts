import type { StoryEvent } from "../event.js";
import type { ProcfsSuperblock } from "./superblocks.js";

/** Since when a procfs instance is known, and the mount story that made it. */
export interface ProcfsOrigin {
  /** Milliseconds since 1970. */
  readonly firstSeen: number;
  /** Id of the story; null for an instance that was there before, or whose making was not seen. */
  readonly story: string | null;
}

type StoryFacts = Pick<StoryEvent, "id" | "kind" | "state" | "began" | "procfs">;
type Identity = Pick<ProcfsSuperblock, "dev" | "pidNs" | "userNs">;

interface Known extends Identity {
  firstSeen: number;
  story: string | null;
}

/**
 * The procfs instances that were seen, for as long as they are. Device numbers are given to the next instance at once:
 * another pid namespace or owner, or a new mount, is another instance.
 */
export class ProcfsHistory {
  readonly #byDev = new Map<string, Known>();
  readonly #capacity: number;
  #evictions = 0;

  /** A container has one or two; what is beyond `capacity` is the oldest and is forgotten. */
  constructor(capacity = 65_536) {
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#byDev.size;
  }

  /** How many were forgotten to make room. */
  get evictions(): number {
    return this.#evictions;
  }

  /**
   * A story of kind `mount` that began at `began` (milliseconds since 1970) made an instance. One that was known before
   * that had the same device number and has ended.
   */
  made(superblock: Identity, story: string, began: number): void {
    const known = this.#byDev.get(superblock.dev);
    const isKnown = known !== undefined && isSame(known, superblock) && known.firstSeen >= began;
    if (isKnown) known.story ??= story;
    else this.#put({ ...identity(superblock), firstSeen: began, story });
  }

  /** Takes what a story tells: one of kind `mount` has made the instance that it has. */
  onStory({ id, kind, state, began, procfs }: StoryFacts): void {
    if (kind !== "mount" || state === "rejected" || procfs === undefined) return;
    const { dev, pid_ns: pidNs, user_ns: userNs } = procfs;
    this.made({ dev, pidNs, userNs }, id, Date.parse(began));
  }

  /** Takes over a list that was read at `time`: what is not in it, if it is complete, has ended. */
  seen(superblocks: readonly Identity[], complete: boolean, time: number): void {
    for (const superblock of superblocks) {
      const known = this.#byDev.get(superblock.dev);
      if (known !== undefined && isSame(known, superblock)) continue;
      this.#put({ ...identity(superblock), firstSeen: time, story: null });
    }
    if (!complete) return;
    const listed = new Set(superblocks.map(({ dev }) => dev));
    for (const dev of this.#byDev.keys()) if (!listed.has(dev)) this.#byDev.delete(dev);
  }

  /** Null for one that was never seen. */
  of(superblock: Identity): ProcfsOrigin | null {
    const known = this.#byDev.get(superblock.dev);
    if (known === undefined || !isSame(known, superblock)) return null;
    return { firstSeen: known.firstSeen, story: known.story };
  }

  #put(known: Known): void {
    // the newest last, so that the oldest makes room
    this.#byDev.delete(known.dev);
    this.#byDev.set(known.dev, known);
    if (this.#byDev.size <= this.#capacity) return;
    this.#byDev.delete(this.#byDev.keys().next().value!);
    this.#evictions += 1;
  }
}

function identity({ dev, pidNs, userNs }: Identity): Identity {
  return { dev, pidNs, userNs };
}

function isSame(a: Identity, b: Identity): boolean {
  return a.pidNs === b.pidNs && a.userNs === b.userNs;
}
