import { type KeyholeEvent, type LostEvent, SCHEMA_VERSION } from "../event.js";

/**
 * Why events can be lost on their way out of the kernel and through the agent. Losses of one WebSocket
 * client are counted apart, in keyhole_websocket_dropped_total: another client may have had those events.
 */
export const LOST_REASONS = [
  "ring-full",
  "ring-full-tasks",
  "ring-full-strings",
  "buffers-taken",
  "summary-full",
  "opens-limit",
  "workload-limit",
  "clone-table-full",
  "record-size",
  "recursion",
  "decode",
  "stop",
  "stdout-queue",
  "record-queue",
  "record-error",
  "record-full",
  "record-value",
] as const;
export type LostReason = (typeof LOST_REASONS)[number];

/**
 * The message that stands in one output's stream for `count` events that it lost, the last of which was
 * `last`. It has that event's `seq` and time, so `seq` still only grows for whoever reads the stream.
 */
export function lostInPlaceOf(last: KeyholeEvent, reason: string, count: number): LostEvent {
  const { seq, time, node } = last;
  return { schema: SCHEMA_VERSION, seq, time, node, type: "lost", reason, count };
}
