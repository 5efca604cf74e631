import type { FileName } from "../capture/mount-fields.js";
import type {
  MountState,
  ProcfsState,
  StoryEvent,
  StoryHolder,
  StoryKind,
  StoryState,
  SyscallEvent,
  Unnumbered,
} from "../event.js";
import type { Task } from "../namespaces/task.js";
import { StorySteps } from "./story-steps.js";

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
  /** Holders that are not named. */
  omittedHolders = 0;
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
  readonly #beginning: StoryBeginning;
  readonly #steps = new StorySteps();

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
    return this.#steps.count <= TOLD_STEPS;
  }

  /** Whether what it has made is a procfs: that is followed for as long as anybody holds it. */
  get isProcfs(): boolean {
    return this.fsType === "proc" || this.procfs !== null;
  }

  add(event: Unnumbered<SyscallEvent>): void {
    this.lastAlive = event.time;
    const { pid, tid, comm } = event.process;
    this.#steps.add({
      time: event.time,
      syscall: event.syscall,
      args: event.args,
      ret: event.ret,
      ...(event.errno === undefined ? undefined : { errno: event.errno }),
      actor: { pid, tid, comm },
    });
  }

  /** It has ended, and that has been told. */
  forgetSteps(): void {
    this.#steps.forget();
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
    const { omitted } = this.#steps;
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
      steps: this.#steps.list(),
      ...(omitted === 0 ? undefined : { steps_omitted: omitted }),
      ...(this.procfs === null ? undefined : { procfs: this.procfs }),
      ...(this.mount === null ? undefined : { mount: this.mount }),
      ...(this.holders === null ? undefined : { holders: this.holders }),
      ...(this.omittedHolders === 0 ? undefined : { holders_omitted: this.omittedHolders }),
    };
  }
}
