import type { StoryHolder, StoryState } from "../event.js";
import type { Tasks } from "../namespaces/tasks.js";
import type { Holder, MountFiles } from "./mount-files.js";
import { MAX_HOLDERS, type Story } from "./story.js";

/** Who holds a detached mount is asked again after this long, and sooner while nobody does: it is in flight. */
const AGAIN_MS = 5_000;
const IN_FLIGHT_MS = 1_000;

/** Who holds the descriptors of stories: asked when their maker executes or exits, and from time to time. */
export class StoryHolders {
  readonly #tasks: Tasks;
  readonly #wanted = new Set<Story>();
  #last = performance.now();
  #lastInFlight = this.#last;

  constructor(tasks: Tasks) {
    this.#tasks = tasks;
  }

  ask(story: Story): void {
    this.#wanted.add(story);
  }

  forget(story: Story): void {
    this.#wanted.delete(story);
  }

  /** Looks where that is due; returns the stories of which there is news. Throws LibbpfError. */
  look(probe: MountFiles, open: ReadonlySet<Story>): Story[] {
    const now = performance.now();
    if (now - this.#last >= AGAIN_MS) {
      this.#last = now;
      for (const story of open) if (story.files.some(({ role }) => role === "mount")) this.ask(story);
    }
    if (now - this.#lastInFlight >= IN_FLIGHT_MS) {
      this.#lastInFlight = now;
      for (const story of open) if (story.holders?.length === 0) this.ask(story);
    }
    if (this.#wanted.size === 0) return [];
    const stories = [...this.#wanted];
    this.#wanted.clear();
    const holders = probe.holders(stories.flatMap(({ files }) => files));
    return holders === null ? [] : stories.filter((story) => this.#tell(story, holders));
  }

  #tell(story: Story, all: readonly Holder[]): boolean {
    const files = new Set(story.files.map(({ file }) => file));
    const byPid = new Map<number, number[]>();
    for (const { file, pid, fd } of all) {
      if (!files.has(file)) continue;
      const fds = byPid.get(pid);
      if (fds === undefined) byPid.set(pid, [fd]);
      else if (fds.length < MAX_HOLDERS) fds.push(fd);
    }
    const holders = [...byPid]
      .slice(0, MAX_HOLDERS)
      .map(([pid, fds]): StoryHolder => ({ pid, comm: this.#tasks.get(pid)?.comm ?? null, fds }));
    const news = JSON.stringify(holders) !== JSON.stringify(story.holders ?? []);
    story.holders = holders;
    const makerHolds = byPid.has(story.maker.pid) && !story.makerGone;
    return story.goOn(stateOf(story, makerHolds, byPid.size > 0)) || news;
  }
}

/** Without any holder the file is in flight, or held by the kernel: kept, by nobody that can be named. */
function stateOf(story: Story, makerHolds: boolean, anyHolds: boolean): StoryState {
  if (makerHolds) return story.makerExecuted ? "kept" : "open";
  return anyHolds ? "passed" : "kept";
}
