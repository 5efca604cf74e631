/**
 * Mounts told as one story: fsopen -> fsconfig -> fsmount -> move_mount belong together by the open files that they
 * hand on, whoever holds them. Where a story ends without a call (the last reference to its files is gone) the kernel is
 * asked, as long as stories are open.
 */
import type { FileName, MountFields } from "../capture/mount-fields.js";
import type { StoryEvent, StoryKind, StoryState, SyscallEvent, Unnumbered } from "../event.js";
import type { Task } from "../namespaces/task.js";
import type { Tasks } from "../namespaces/tasks.js";
import { type FileLook, FileLooks, type LookClock } from "./file-look.js";
import type { MountFiles } from "./mount-files.js";
import { type FileRole, Story, type StoryFile } from "./story.js";
import { type KnownFile, StoryFiles } from "./story-files.js";
import { StoryHolders } from "./story-holders.js";
import { flagsOf, oneStepEnd, oneStepKind } from "./story-kinds.js";

export interface StoriesOptions {
  readonly tasks: Tasks;
  readonly publish: (story: Unnumbered<StoryEvent>) => void;
  readonly clock: LookClock;
  /** Makes ids of this run unlike those of any other. */
  readonly run: string;
  readonly onError: (error: unknown) => void;
}

type Call = Unnumbered<SyscallEvent>;

/** Open stories that are followed at most. */
const MAX_OPEN = 4096;
/** How often the kernel is asked for the files of open stories, and how soon after their maker executes or exits. */
const LOOK_MS = 200;
const SOON_MS = 10;
/** A story that is no procfs and in which nothing has happened for so long is given up. */
const EXPIRE_MS = 3_600_000;

/** fsconfig(2) commands that make something. */
const COMMANDS: ReadonlySet<unknown> = new Set([
  "FSCONFIG_CMD_CREATE",
  "FSCONFIG_CMD_CREATE_EXCL",
  "FSCONFIG_CMD_RECONFIGURE",
]);

export class Stories {
  readonly #options: StoriesOptions;
  readonly #files = new StoryFiles();
  readonly #open = new Set<Story>();
  /** When something was last heard of an open story, in milliseconds of performance.now(). */
  readonly #heard = new WeakMap<Story, number>();
  readonly #holders: StoryHolders;
  readonly #looks: FileLooks<StoryFile>;
  #probe: MountFiles | null = null;
  #timer: NodeJS.Timeout | null = null;
  #due = Number.POSITIVE_INFINITY;
  #count = 0;
  #expired = 0;
  #evicted = 0;

  constructor(options: StoriesOptions) {
    this.#options = options;
    this.#looks = new FileLooks(options.clock);
    this.#holders = new StoryHolders(options.tasks);
  }

  /** Stories begun, those that are open, those given up, and files of stories that made room for others. */
  get stats() {
    const evicted = this.#evicted + this.#files.evicted;
    return { begun: this.#count, open: this.#open.size, expired: this.#expired, evicted };
  }

  /** From here on endings are looked up; without a probe they are told only where a call tells them. */
  look(probe: MountFiles): void {
    this.#probe = probe;
    this.#schedule(SOON_MS);
  }

  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#probe = null;
  }

  /** Takes a call that concerns mounts; `maker` is the caller. */
  onCall(call: Call, fields: MountFields, maker: Task): void {
    switch (call.syscall) {
      case "fsconfig":
        this.#configure(call, fields, maker);
        return;
      case "fsmount":
        this.#fsmount(call, fields, maker);
        return;
      case "fsopen":
      case "fspick":
      case "open_tree":
      case "open_tree_attr":
        this.#create(call, fields, maker);
        return;
      case "move_mount":
      case "mount_setattr":
        this.#change(call, fields, maker);
        return;
      default:
        this.#oneStep(call, maker, null);
    }
  }

  /** The maker of a story may have closed its files (O_CLOEXEC), or kept them. */
  onExec({ pid }: Task): void {
    for (const story of this.#open) {
      if (story.maker.pid !== pid) continue;
      story.makerExecuted = true;
      this.#askWho(story);
    }
  }

  /** A thread of `pid` has ended, and is no longer among the tasks. */
  onExit(pid: number): void {
    for (const story of this.#open) {
      if (story.maker.pid !== pid || this.#lives(pid)) continue;
      story.makerGone = true;
      this.#askWho(story);
    }
  }

  /** Whether the process has a thread: the first one may end before the others. */
  #lives(pid: number): boolean {
    if (this.#options.tasks.get(pid) !== undefined) return true;
    for (const task of this.#options.tasks.values()) if (task.pid === pid) return true;
    return false;
  }

  /** fsopen, fspick and open_tree: a call that makes the first file of a story. */
  #create(call: Call, fields: MountFields, maker: Task): void {
    const { file, made } = fields;
    if (made === null) {
      // refused; or with OPEN_TREE_NAMESPACE, whose mounts are attached in a namespace of their own at once
      this.#oneStep(call, maker, file);
      return;
    }
    const kind = oneStepKind(call) ?? "mount";
    const story = this.#begin(kind, call, maker, { follows: this.#find(file)?.story ?? null });
    if (story === null) return;
    this.#learn(story, call);
    this.#addFile(story, fields, kind === "clone" ? "mount" : "context", call.time);
    this.#step(story, call);
  }

  #configure(call: Call, { file }: MountFields, maker: Task): void {
    // not an fs context: nothing was configured
    if (file === null || call.target?.via !== "fscontext") return;
    const story = this.#storyOf(file, call, maker);
    if (story === null) return;
    this.#learn(story, call);
    if (COMMANDS.has(call.args.cmd)) story.refused = failed(call) && story.mount === null;
    this.#step(story, call);
  }

  #fsmount(call: Call, fields: MountFields, maker: Task): void {
    const { file, made } = fields;
    if (file === null || call.target?.via === "other" || call.target?.via === "mount") return;
    const story = this.#storyOf(file, call, maker);
    if (story === null) return;
    this.#learn(story, call);
    if (failed(call)) story.refused = story.mount === null;
    else story.refused = false;
    if (made !== null) this.#addFile(story, fields, "mount", call.time);
    // FSMOUNT_NAMESPACE, since 7.1: the mount is the root of a new mount namespace
    else if (flagsOf(call.args.flags).includes("FSMOUNT_NAMESPACE") && !failed(call)) {
      story.end("attached", call.time, call.time);
    }
    this.#step(story, call);
  }

  /** move_mount and mount_setattr: on a file of a story, or on a mount that is attached. */
  #change(call: Call, { file }: MountFields, maker: Task): void {
    const known = this.#find(file);
    if (known === null || !known.story.isOpen) {
      this.#oneStep(call, maker, file);
      return;
    }
    const { story } = known;
    this.#learn(story, call);
    // onto another detached mount it is not attached yet
    const attached = call.syscall === "move_mount" && (call.outcome?.mount?.mnt_ns ?? null) !== null;
    if (attached && known.file.role === "mount") story.end("attached", call.time, call.time);
    this.#step(story, call);
  }

  #oneStep(call: Call, maker: Task, file: FileName | null): void {
    const kind = oneStepKind(call);
    const end = kind === null ? null : oneStepEnd(kind, call);
    if (kind === null || end === null) return;
    const story = this.#begin(kind, call, maker, { follows: this.#find(file)?.story ?? null });
    if (story === null) return;
    this.#learn(story, call);
    story.end(end, call.time, call.time);
    this.#step(story, call);
  }

  /** The story that a context belongs to; one that goes on with it where that has ended, or its beginning was not seen. */
  #storyOf(file: FileName, call: Call, maker: Task): Story | null {
    const known = this.#find(file);
    if (known?.story.isOpen === true) return known.story;
    const kind =
      call.target?.via === "fscontext" && call.target.purpose === "reconfigure" ? "reconfigure" : "mount";
    const follows = known?.story ?? null;
    const story = this.#begin(kind, call, maker, { follows, partial: follows === null });
    if (story !== null) this.#addFile(story, { made: file, mount: null }, "context", call.time);
    return story;
  }

  #begin(
    kind: StoryKind,
    event: Call,
    maker: Task,
    { follows = null, partial = false }: { follows?: Story | null; partial?: boolean },
  ): Story | null {
    if (this.#open.size >= MAX_OPEN && !this.#giveUpOne(event.time)) return null;
    const id = `${this.#options.run}-${(this.#count++).toString(36)}`;
    const story = new Story({ id, kind, event, maker, partial, follows: follows?.id ?? null });
    this.#open.add(story);
    return story;
  }

  /** Takes over what the kernel's own objects say after the call. */
  #learn(story: Story, { target, outcome }: Call): void {
    if (target?.via === "fscontext" && target.fs_type !== null) story.fsType = target.fs_type;
    if (outcome?.mount !== undefined) {
      story.mount = outcome.mount;
      story.fsType = outcome.mount.fs_type ?? story.fsType;
    }
    if (outcome?.procfs !== undefined) story.procfs = outcome.procfs;
  }

  #step(story: Story, call: Call): void {
    story.add(call);
    this.#heard.set(story, performance.now());
    if (!story.isOpen) this.#close(story);
    else this.#schedule(LOOK_MS);
    if (story.isTelling || !story.isOpen) this.#publish(story, call.time);
  }

  #publish(story: Story, time: string): void {
    this.#options.publish(story.toEvent(time));
    if (!story.isOpen) story.forgetSteps();
  }

  /** Gives a story the file that a call has made, or that it was begun with. */
  #addFile(
    story: Story,
    { made, mount }: Pick<MountFields, "made" | "mount">,
    role: FileRole,
    time: string,
  ): void {
    if (made === null) return;
    const id = role === "mount" && mount?.object === made.object ? mount.id : 0n;
    const before = this.#files.add(story, { ...made, role, mount: id });
    // the kernel has used the address again: the file that had it is gone
    if (before !== null) this.#bury(before, time);
  }

  #find(file: FileName | null): KnownFile | null {
    return this.#files.find(file, this.#open);
  }

  /** A file is gone by `time`; its story ends with the last one, unless its mount is held by others. */
  #bury(known: KnownFile, time: string): void {
    const { story } = known;
    this.#files.remove(known);
    if (!story.isOpen || story.files.length > 0) return;
    story.goneBy = time;
    if (story.mountFile !== null && this.#probe !== null) this.#holders.askForOthers(story, story.mountFile);
    else this.#endLost(story);
  }

  #endLost(story: Story): void {
    const time = story.goneBy ?? story.lastAlive;
    this.#endBetween(story, this.#endOf(story), time);
  }

  /** Ends a story at a time that is not known: since it was last seen alive, and before `time`. */
  #endBetween(story: Story, state: StoryState, time: string): void {
    story.end(state, story.lastAlive, time);
    this.#close(story);
    this.#publish(story, time);
  }

  #close(story: Story): void {
    this.#open.delete(story);
    this.#holders.forget(story);
  }

  #askWho(story: Story): void {
    this.#holders.ask(story);
    this.#schedule(SOON_MS);
  }

  #schedule(milliseconds: number): void {
    if (this.#probe === null || this.#open.size === 0) return;
    const due = performance.now() + milliseconds;
    if (this.#timer !== null && this.#due <= due) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#due = due;
    this.#timer = setTimeout(() => this.#lookNow(), milliseconds);
  }

  #lookNow(): void {
    this.#timer = null;
    let isAnswered = true;
    try {
      if (this.#probe !== null) isAnswered = this.#look(this.#probe);
    } catch (error) {
      this.#options.onError(error);
    }
    this.#schedule(isAnswered ? LOOK_MS : SOON_MS);
  }

  /** False while what the kernel said has to wait. */
  #look(probe: MountFiles): boolean {
    const look = this.#looks.take(probe, () => [...this.#open].flatMap(({ files }) => files));
    if (look === null) return false;
    this.#judge(look);
    const { clock } = this.#options;
    const time = clock.format(clock.now());
    const { changed, lost } = this.#holders.look(probe, this.#open, time);
    for (const story of lost) this.#endLost(story);
    for (const story of changed) this.#publish(story, time);
    const old = performance.now() - EXPIRE_MS;
    for (const story of this.#open) {
      if (!story.isProcfs && (this.#heard.get(story) ?? 0) < old) this.#expire(story, time);
    }
    return true;
  }

  #judge({ after, before, states }: FileLook<StoryFile>): void {
    for (const story of [...this.#open]) {
      const known = story.files.filter((file) => states.has(file));
      // by a call that named it by a path
      if (known.some((file) => states.get(file)!.attached)) {
        this.#endBetween(story, "attached", before);
        continue;
      }
      if (known.some((file) => states.get(file)!.alive)) story.lastAlive = after;
      for (const file of known) if (!states.get(file)!.alive) this.#bury({ story, file }, before);
    }
  }

  /** The oldest that is no procfs makes room; false when all are. */
  #giveUpOne(time: string): boolean {
    for (const story of this.#open) {
      if (story.isProcfs) continue;
      this.#expire(story, time);
      return true;
    }
    this.#evicted++;
    return false;
  }

  #expire(story: Story, time: string): void {
    this.#expired++;
    this.#endBetween(story, "expired", time);
  }

  /** How a story ends that nobody holds any more. */
  #endOf({ refused, holders, makerGone }: Story): StoryState {
    if (refused) return "rejected";
    const died =
      holders === null ? makerGone : holders.length > 0 && !holders.some(({ pid }) => this.#lives(pid));
    return died ? "process-died" : "closed";
  }
}

function failed({ ret }: Call): boolean {
  return ret === null || ret < 0;
}
