import type { KeyholeEvent } from "../event.js";
import type { NsInums } from "../kernel/links.js";
import type { ProcfsSuperblock } from "../mounts/superblocks.js";
import type { ObservedCall } from "./act.js";
import type { ContainerView } from "./container-view.js";
import type { Fact } from "./rule.js";
import type { RuleOverrides } from "./rule-set.js";
import type { ObservedStory } from "./story-act.js";

/** Raised when a recording that was written before cannot be read any more. */
export const RECORDING_VERSION = 1;

/** The first line of a recording. */
export interface RecordingHeader {
  readonly keyhole_recording: typeof RECORDING_VERSION;
  /** Of the Keyhole that wrote it. */
  readonly version: string;
  readonly node: string;
  /** As uname(2) has it. */
  readonly kernel: string;
  /** When it began, RFC 3339. */
  readonly time: string;
  readonly host_ns: NsInums;
  /** Device number of the host's own /proc. */
  readonly host_proc_dev: string | null;
  /** The rules that were looked at. */
  readonly rules: {
    readonly ids: readonly string[];
    readonly exceptions: readonly string[];
    readonly overrides: RuleOverrides;
  };
}

/** What a context could be asked, by the name of its function: the arguments and what it answered. */
export interface Answers {
  readonly [name: string]: readonly (readonly [args: readonly unknown[], answer: unknown])[];
}

interface Context {
  /** Its members that are data, without the host's namespaces. */
  readonly context: { readonly [member: string]: unknown };
  readonly answers: Answers;
}

/** An input of the engine; `time` is what the engine took for now. A call or story is that of the event before it. */
export type RecordedInput =
  | { readonly in: "posture"; readonly time: string; readonly view: ContainerView }
  | { readonly in: "gone"; readonly time: string; readonly container: string; readonly reason: string }
  | ({ readonly in: "act"; readonly time: string } & CallReference & Context)
  | ({ readonly in: "story"; readonly time: string } & StoryReference & Context)
  | ({
      readonly in: "instance";
      readonly time: string;
      readonly before: ProcfsSuperblock;
      readonly after: ProcfsSuperblock;
    } & CallReference)
  | { readonly in: "own"; readonly time: string; readonly container: string | null }
  /** The rules were exchanged. */
  | { readonly in: "rules"; readonly time: string; readonly rules: RecordingHeader["rules"] }
  /** What this node can tell rules. */
  | { readonly in: "facts"; readonly time: string; readonly facts: readonly Fact[] };

/** By the `seq` of the event, or itself where it was not published. */
type CallReference = { readonly seq: number } | { readonly call: ObservedCall };
type StoryReference = { readonly seq: number } | { readonly story: ObservedStory };

/** Any line of a recording after the first. */
export type RecordingLine =
  | { readonly event: KeyholeEvent }
  /** So many lines that should be here were not written. */
  | { readonly lost: number; readonly reason: string }
  | RecordedInput;
