import type { Act, ObservedCall } from "./act.js";
import { ALL_CALL_FIELDS } from "./call-fields.js";
import { CONTAINER_FIELDS } from "./container-fields.js";
import type { ContainerView } from "./container-view.js";
import type { FactReader } from "./exception.js";
import type { Fields } from "./field.js";
import type { Exposure } from "./rule.js";
import type { StoryAct } from "./story-act.js";
import { STORY_FIELDS } from "./story-fields.js";

/** Reads `fields` of `source`; null for a field that is not among them. */
export function readerOf<Source>(fields: Fields<Source>, source: Source): FactReader {
  return (name) => fields.get(name)?.read(source) ?? null;
}

/** What exceptions and conditions can ask of an act. */
export function actFacts(act: Act, exposure: Exposure | null): FactReader {
  return withPlace(readerOf(ALL_CALL_FIELDS, act), exposure);
}

/** … of a container. */
export function containerFacts(view: ContainerView, exposure: Exposure | null): FactReader {
  return readerOf(CONTAINER_FIELDS, { view, exposure });
}

/** … of a story. */
export function storyFacts(act: StoryAct, exposure: Exposure | null): FactReader {
  return withPlace(readerOf(STORY_FIELDS, act), exposure);
}

/** … of the call that changed the options of a procfs superblock. */
export function instanceFacts(call: ObservedCall, exposure: Exposure | null): FactReader {
  const source = { call, hostNs: [], parentNs: null, after: () => null };
  return withPlace(readerOf(ALL_CALL_FIELDS, source), exposure);
}

/** `place`: what is exposed. */
function withPlace(reader: FactReader, exposure: Exposure | null): FactReader {
  return (name) => (name === "place" ? (exposure?.place ?? null) : reader(name));
}
