import { type Field, type Fields, fieldsOf, tableOf, within } from "./field.js";
import { containerRefFields, mountStateFields, processFields, procfsStateFields } from "./shared-fields.js";
import type { ObservedStory, StoryAct } from "./story-act.js";

/** What the fields of a story are read from. */
export type StorySource = Pick<StoryAct, "story" | "isRuntime">;

const STORY: readonly Field<ObservedStory>[] = fieldsOf<ObservedStory>(
  [
    ["kind", "string", "mount, bind, remount, clone, move, umount and so on", ({ kind }) => kind],
    ["state", "string", "open, kept, passed, or how it ended, as attached", ({ state }) => state],
    [
      "partial",
      "bool",
      "it was under way when the agent began to look, or its beginning was lost",
      ({ partial }) => partial === true,
    ],
    ["follows", "string", "id of the story whose files it goes on with", ({ follows }) => follows],
    [
      "steps",
      "list",
      "the system calls of its steps that are listed, in order",
      ({ steps }) => steps.map(({ syscall }) => syscall),
    ],
    ["length", "int", "how many steps it has", (story) => story.steps.length + (story.steps_omitted ?? 0)],
    [
      "holders",
      "int",
      "how many processes have a descriptor of its files",
      ({ holders, holders_omitted = 0 }) => holders && holders.length + holders_omitted,
    ],
  ],
  "story.",
);

/** The fields of a mount story. */
export const STORY_FIELDS: Fields<StorySource> = tableOf<StorySource>([
  ...within(({ story }: StorySource) => story, STORY),
  ...fieldsOf<StorySource>([
    ["fs_type", "string", "type of the file system", ({ story }) => story.fs_type],
    [
      "process.is_runtime",
      "bool",
      "it is a container runtime that makes a container ready, by executable and lineage",
      ({ isRuntime }) => isRuntime,
    ],
  ]),
  ...within(({ story }: StorySource) => story.process, processFields()),
  ...within(({ story }: StorySource) => story.container, containerRefFields()),
  ...within(({ story }: StorySource) => story.procfs, procfsStateFields("procfs.")),
  ...within(({ story }: StorySource) => story.mount, mountStateFields("mount.")),
]);
