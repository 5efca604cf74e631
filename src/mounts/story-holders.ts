import type { StoryHolder, StoryState } from "../event.js";
import type { Tasks } from "../namespaces/tasks.js";
import type { Holder, MountFiles } from "./mount-files.js";
import { MAX_HOLDERS, type Story, type StoryFile } from "./story.js";

/** Who holds a detached mount is asked again after this long, and sooner while nobody does: it is in flight. */
const AGAIN_MS = 5_000;
const IN_FLIGHT_MS = 1_000;
/** A mount that is held unattached for so long is no step on the way to another. */
export const HELD_MS = 2_000;
/** Files that are asked for at once; half of `wanted_files` in bpf/files.h, since a file can have a mount. */
const MAX_FILES = 2_048;

/** Files of one mount that are followed at once; when they are gone, there may be others. */
const MAX_ADOPTED = 64;

/** What was found out about stories. */
export interface HolderNews {
  /** Those that go on in another way, or have other holders. */
  readonly changed: readonly Story[];
  /** Of those that had lost all their files, the ones that nobody holds any other way. */
  readonly lost: readonly Story[];
}

const NO_NEWS: HolderNews = { changed: [], lost: [] };

/** Who holds the descriptors of stories: asked when their maker executes or exits, and from time to time. */
export class StoryHolders {
  readonly #tasks: Tasks;
  readonly #wanted = new Set<Story>();
  /** Stories that have lost all their files, with the one of their mount: another may hold that. */
  readonly #orphans = new Map<Story, StoryFile>();
  #last = performance.now();
  #lastInFlight = this.#last;

  constructor(tasks: Tasks) {
    this.#tasks = tasks;
  }

  ask(story: Story): void {
    this.#wanted.add(story);
  }

  /** `story` has lost all its files; `file` was one of its mount. */
  askForOthers(story: Story, file: StoryFile): void {
    this.#orphans.set(story, file);
  }

  forget(story: Story): void {
    this.#wanted.delete(story);
    this.#orphans.delete(story);
  }

  /** Looks where that is due and may be done. `time` is now, as events have it. Throws LibbpfError. */
  look(probe: MountFiles, open: ReadonlySet<Story>, time: string): HolderNews {
    this.#askAgain(open, Date.parse(time));
    if ((this.#wanted.size === 0 && this.#orphans.size === 0) || !probe.mayAskHolders) return NO_NEWS;
    const [stories, files] = this.#some();
    const holders = probe.holders(files);
    const orphans = stories.filter((story) => this.#orphans.has(story));
    for (const story of orphans) {
      if (holders !== null) adopt(story, this.#orphans.get(story)!, holders, time);
      this.#orphans.delete(story);
    }
    const lost = orphans.filter((story) => story.files.length === 0);
    if (holders === null) return { changed: [], lost };
    const held = stories.filter((story) => story.files.length > 0);
    return { changed: held.filter((story) => this.#tell(story, holders)), lost };
  }

  /** `time`: now, in milliseconds since the epoch. */
  #askAgain(open: ReadonlySet<Story>, time: number): void {
    const now = performance.now();
    if (now - this.#last >= AGAIN_MS) {
      this.#last = now;
      for (const story of open) {
        const isHeld = story.files.some(({ role }) => role === "mount");
        // its first holders are told, and with them that it is held: one that is young is on its way to a mount
        if (isHeld && time - Date.parse(story.began) >= HELD_MS) this.ask(story);
      }
    }
    if (now - this.#lastInFlight >= IN_FLIGHT_MS) {
      this.#lastInFlight = now;
      for (const story of open) if (story.holders?.length === 0) this.ask(story);
    }
  }

  /** The stories whose turn it is, and their files. */
  #some(): [Story[], StoryFile[]] {
    const [stories, files]: [Story[], StoryFile[]] = [[], []];
    for (const story of new Set([...this.#orphans.keys(), ...this.#wanted])) {
      if (files.length + story.files.length > MAX_FILES) break;
      stories.push(story);
      const orphan = this.#orphans.get(story);
      files.push(...(orphan === undefined ? story.files : [orphan]));
      this.#wanted.delete(story);
    }
    return [stories, files];
  }

  #tell(story: Story, all: readonly Holder[]): boolean {
    const files = new Set(story.files.map(({ file }) => file));
    const mounts = mountsOf(story.files);
    const byPid = new Map<number, Set<number>>();
    for (const { file, object, pid, fd } of all) {
      if (!files.has(file) && !mounts.has(object)) continue;
      const fds = byPid.get(pid);
      if (fds === undefined) byPid.set(pid, new Set([fd]));
      else fds.add(fd);
    }
    const holders = [...byPid]
      .slice(0, MAX_HOLDERS)
      .map(([pid, fds]) => holderOf(pid, this.#tasks.get(pid)?.comm ?? null, [...fds]));
    const omitted = byPid.size - holders.length;
    const news =
      omitted !== story.omittedHolders || JSON.stringify(holders) !== JSON.stringify(story.holders ?? []);
    story.holders = holders;
    story.omittedHolders = omitted;
    const makerHolds = byPid.has(story.maker.pid) && !story.makerGone;
    return story.goOn(stateOf(story, makerHolds, byPid.size > 0)) || news;
  }
}

function holderOf(pid: number, comm: string | null, all: readonly number[]): StoryHolder {
  const fds = all.slice(0, MAX_HOLDERS);
  const omitted = all.length - fds.length;
  return { pid, comm, fds, ...(omitted > 0 && { fds_omitted: omitted }) };
}

/** The mounts behind files, by address. */
function mountsOf(files: readonly StoryFile[]): Set<bigint> {
  return new Set(files.filter(({ mount }) => mount !== 0n).map(({ object }) => object));
}

/** Gives a story without files those that keep the mount of its last one. */
function adopt(story: Story, { object, mount }: StoryFile, holders: readonly Holder[], time: string): void {
  const files = new Set(holders.filter((holder) => holder.object === object).map(({ file }) => file));
  for (const file of [...files].slice(0, MAX_ADOPTED))
    story.files.push({ file, object, mount, made: 0n, role: "mount" });
  if (files.size > 0) story.lastAlive = time;
}

/** Without any holder the file is in flight, or held by the kernel: kept, by nobody that can be named. */
function stateOf(story: Story, makerHolds: boolean, anyHolds: boolean): StoryState {
  if (makerHolds) return story.makerExecuted ? "kept" : "open";
  return anyHolds ? "passed" : "kept";
}
