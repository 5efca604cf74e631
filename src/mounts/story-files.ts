import type { FileName } from "../capture/mount-fields.js";
import type { Story, StoryFile } from "./story.js";

/** Files that are known at most, with those of ended stories. */
const MAX_FILES = 16_384;

export interface KnownFile {
  readonly story: Story;
  readonly file: StoryFile;
}

/** The files of stories by the address of the struct file, which names one file at a time. */
export class StoryFiles {
  readonly #byAddress = new Map<bigint, KnownFile>();
  #evicted = 0;

  /** Files of open stories that made room for others. */
  get evicted(): number {
    return this.#evicted;
  }

  /** Returns the file that had the address before: it is gone. */
  add(story: Story, file: StoryFile): KnownFile | null {
    const before = this.#byAddress.get(file.file) ?? null;
    story.files.push(file);
    if (file.mount !== 0n) story.mountFile ??= file;
    this.#byAddress.delete(file.file);
    this.#byAddress.set(file.file, { story, file });
    if (this.#byAddress.size > MAX_FILES) this.#forgetOldest();
    return before;
  }

  /** Takes a file away from its story. */
  remove({ story, file }: KnownFile): void {
    const at = story.files.indexOf(file);
    if (at >= 0) story.files.splice(at, 1);
    if (this.#byAddress.get(file.file)?.file === file) this.#byAddress.delete(file.file);
  }

  /** The file that a call was given, null where it is none that is known; `open` are the stories that go on. */
  find(name: FileName | null, open: Iterable<Story>): KnownFile | null {
    if (name === null) return null;
    const known = this.#byAddress.get(name.file);
    if (known !== undefined && known.file.object === name.object && known.file.made === name.made)
      return known;
    if (name.made !== 0n) return null;
    // opened again through /proc/PID/fd: another struct file of the same mount
    for (const story of open) {
      const file = story.files.find(({ object, role }) => role === "mount" && object === name.object);
      if (file !== undefined) return { story, file };
    }
    return null;
  }

  /** Files of stories that have ended go first. */
  #forgetOldest(): void {
    for (const [address, { story }] of this.#byAddress) {
      if (story.isOpen) continue;
      this.#byAddress.delete(address);
      return;
    }
    this.#byAddress.delete(this.#byAddress.keys().next().value!);
    this.#evicted++;
  }
}
