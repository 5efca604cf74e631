import type { ContainerRef } from "../event.js";
import { isPodSandbox } from "./runtime-names.js";

/** The containers that a word of the command line fits. */
export interface ContainerMatch {
  readonly containers: readonly ContainerRef[];
  /** Whether it is the beginning of an id only, so that more than one container is a mistake. */
  readonly prefix: boolean;
}

/**
 * What of `containers` is meant by `text`. An id counts before a name, and the whole of either before the beginning of an
 * id. The name of a pod (`POD` or `NAMESPACE/POD`) and its uid mean all of its containers, `NAMESPACE/POD/CONTAINER` one.
 */
export function matchContainers(containers: Iterable<ContainerRef>, text: string): ContainerMatch {
  const all = [...containers];
  const byId = all.filter(({ id }) => id === text);
  if (byId.length > 0) return { containers: byId, prefix: false };
  const byName = all.filter((container) => namesOf(container).includes(text));
  if (byName.length > 0) return { containers: byName, prefix: false };
  return {
    containers: text === "" ? [] : all.filter(({ id }) => id.startsWith(text)),
    prefix: true,
  };
}

/** Those of `containers` that run what a pod was made for; all of them where there are only sandboxes. */
export function payloadsOf(containers: readonly ContainerRef[]): readonly ContainerRef[] {
  const payloads = containers.filter((container) => !isPodSandbox(container));
  return payloads.length > 0 ? payloads : containers;
}

function namesOf({ name, pod }: ContainerRef): string[] {
  const names = [name];
  if (pod !== null) {
    names.push(pod.uid, pod.name);
    if (pod.name !== null && pod.namespace !== null) {
      names.push(`${pod.namespace}/${pod.name}`);
      if (name !== null) names.push(`${pod.namespace}/${pod.name}/${name}`);
    }
  }
  return names.filter((one) => one !== null);
}
