import type { FileName } from "../capture/mount-fields.js";
import type {
  MountState,
  ProcfsState,
  StoryEvent,
  StoryHolder,
  StoryKind,
  StoryState,
  StoryStep,
  SyscallEvent,
  Unnumbered,
} from "../event.js";
import type { Task } from "../namespaces/task.js";

/** Steps that are kept: the first ones, and the last ones. */
const FIRST_STEPS = 24;
const LAST_STEPS = 8;
/** Later steps are not published one by one, but with the next change of state. */
const TOLD_STEPS = 16;
/** Descriptors of one holder, and holders, that are named. */
export const MAX_HOLDERS = 16;

const GOES_ON: ReadonlySet<StoryState> = new Set(["open", "kept", "passed"]);

/** What a file of a story is: an fs context, or the descriptor of a detached mount. */
export type FileRole = "context" | "mount";

export interface StoryFile extends FileName {
  readonly role: FileRole;
  /** The unique id of the mount; 0n for an fs context, and before Linux 6.8. */
  readonly mount: bigint;
}

export interface StoryBeginning {
  readonly id: string;
  readonly kind: StoryKind;
  readonly event: Unnumbered<SyscallEvent>;
  readonly maker: Task;
  readonly partial: boolean;
  readonly follows: string | null;
}

/** One mount, from the first call that had to do with it to its end. */
export class Story {
  readonly id: string;
  readonly kind: StoryKind;
  readonly began: string;
  readonly maker: Task;
  readonly files: StoryFile[] = [];
  fsType: string | null = null;
  procfs: ProcfsState | null = null;
  mount: MountState | null = null;
  holders: readonly StoryHolder[] | null = null;
  /** The last command that was to make something of it was refused, and nothing was made before. */
  refused = false;
  /** Its maker has executed another program, or has ended. */
  makerExecuted = false;
  makerGone = false;
  /** When its files were last known to be there. */
  lastAlive: string;
  /** The first file of its mount: others can hold that when all its files are gone. */
  mountFile: StoryFile | null = null;
  /** When the last of its files was found to be gone, while its mount may still be held in another way. */
  goneBy: string | null = null;
  #state: StoryState = "open";
  #ended: StoryEvent["ended"] = null;
  #count = 0;
  readonly #beginning: StoryBeginning;
  readonly #first: StoryStep[] = [];
  readonly #last: StoryStep[] = [];

  constructor(beginning: StoryBeginning) {
    const { id, kind, event, maker } = beginning;
    this.id = id;
    this.kind = kind;
    this.maker = maker;
    this.began = event.time;
    this.lastAlive = event.time;
    this.#beginning = beginning;
  }

  get state(): StoryState {
    return this.#state;
  }

  get isOpen(): boolean {
    return this.#ended === null;
  }

  /** Whether a step by itself is worth an event: a caller can make a million of them. */
  get isTelling(): boolean {
    return this.#count <= TOLD_STEPS;
  }

  /** Whether what it has made is a procfs: that is followed for as long as anybody holds it. */
  get isProcfs(): boolean {
    return this.fsType === "proc" || this.procfs !== null;
  }

  add(event: Unnumbered<SyscallEvent>): void {
    this.#count++;
    this.lastAlive = event.time;
    const { pid, tid, comm } = event.process;
    const step: StoryStep = {
      time: event.time,
      syscall: event.syscall,
      args: event.args,
      ret: event.ret,
      ...(event.errno === undefined ? undefined : { errno: event.errno }),
      actor: { pid, tid, comm },
    };
    if (this.#first.length < FIRST_STEPS) {
      this.#first.push(step);
      return;
    }
    this.#last.push(step);
    if (this.#last.length > LAST_STEPS) this.#last.shift();
  }

  /** Ends it, between two times; the same one twice where an event tells. */
  end(state: StoryState, after: string, before: string): void {
    this.#state = state;
    this.#ended = { after, before };
  }

  /** It goes on in another way; true when that is news. */
  goOn(state: StoryState): boolean {
    if (!GOES_ON.has(state) || !this.isOpen || this.#state === state) return false;
    this.#state = state;
    return true;
  }

  /** As it is told now, at `time`. */
  toEvent(time: string): Unnumbered<StoryEvent> {
    const { event, partial, follows } = this.#beginning;
    const omitted = this.#count - this.#first.length - this.#last.length;
    return {
      type: "story",
      time,
      id: this.id,
      kind: this.kind,
      state: this.#state,
      began: this.began,
      ended: this.#ended,
      fs_type: this.fsType,
      ...(partial ? { partial } : undefined),
      ...(follows === null ? undefined : { follows }),
      process: event.process,
      container: event.container,
      steps: [...this.#first, ...this.#last],
      ...(omitted === 0 ? undefined : { steps_omitted: omitted }),
      ...(this.procfs === null ? undefined : { procfs: this.procfs }),
      ...(this.mount === null ? undefined : { mount: this.mount }),
      ...(this.holders === null ? undefined : { holders: this.holders }),
    };
  }
}
