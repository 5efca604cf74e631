import type { ContainerRef } from "../event.js";
import { word } from "./neutral.js";

/** `namespace/pod/name`, `name`, or the first twelve characters of the id, as runtimes show it. */
export function containerName({ id, name, pod }: ContainerRef): string {
  const own = word(name ?? (/^[0-9a-f]{64}$/.test(id) ? id.slice(0, 12) : id));
  if (pod === null || pod.name === null) return own;
  return pod.namespace === null
    ? `${word(pod.name)}/${own}`
    : `${word(pod.namespace)}/${word(pod.name)}/${own}`;
}
