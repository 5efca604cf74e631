import type { StoryEvent } from "../event.js";
import type { NsInums } from "../kernel/links.js";
import type { Rule } from "./rule.js";

/** A story as the rules see it: with or without the publisher's number. */
export type ObservedStory = Omit<StoryEvent, "schema" | "seq" | "node"> & { readonly seq?: number };

/** What the agent knows around a story. */
export interface StoryContext {
  readonly hostNs: NsInums;
  /** Whether a container runtime at work tells it: see isRuntimeAtWork() of workloads/runtimes.ts. */
  readonly isRuntime: boolean;
}

/** A story that a container's task began, as the rules see it each time it is published. */
export interface StoryAct extends StoryContext {
  readonly story: ObservedStory;
  /** Says that the rule would have fired but for `reason`. */
  suppress(reason: string): void;
}

export interface StoryRule extends Rule<StoryAct> {
  /** The types of file systems that it is evaluated for; absent: any. */
  readonly filesystems?: readonly string[];
}
