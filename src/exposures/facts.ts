import type { Act } from "./act.js";
import type { ContainerView } from "./container-view.js";
import type { FactReader } from "./exception.js";
import type { Exposure, InstanceChange } from "./rule.js";
import type { StoryAct } from "./story-act.js";

/** What exceptions and conditions can ask of an act. */
export function actFacts(act: Act, _exposure: Exposure | null): FactReader {
  return (field) => (field === "process.exe" ? act.call.process.exe : null);
}

/** … of a container. */
export function containerFacts(view: ContainerView, _exposure: Exposure | null): FactReader {
  return (field) => (field === "container.id" ? view.container.id : null);
}

/** … of a story. */
export function storyFacts(act: StoryAct, _exposure: Exposure | null): FactReader {
  return (field) => (field === "process.exe" ? act.story.process.exe : null);
}

/** … of a change of a procfs superblock's options, by a call. */
export function instanceFacts(_change: InstanceChange, _exposure: Exposure | null): FactReader {
  return () => null;
}
