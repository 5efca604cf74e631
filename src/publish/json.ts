import type { KeyholeEvent } from "../event.js";

/** The event as one line of JSON, without the line feed. */
export function serialise(event: KeyholeEvent): string {
  return JSON.stringify(event);
}
