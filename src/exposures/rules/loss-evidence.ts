import type { Evidence } from "../../event.js";
import type { ObservedCall } from "../act.js";
import { listOf } from "../evidence.js";
import type { Loss } from "../protections.js";

/** Which protections are gone, and how to see it. */
export function lossEvidence(call: ObservedCall, losses: readonly Loss[]): Evidence {
  const places = losses.map(({ protection, point }) => {
    const was = protection.kind === "mask" ? "masked" : "read-only";
    return point === protection.point
      ? `${point} (was ${was})`
      : `${point} (was ${was} at ${protection.point})`;
  });
  return {
    fact: `after ${call.syscall} by process ${call.process.pid}: ${listOf(places)}`,
    check: `grep -E ' - (proc|sysfs|tmpfs|devtmpfs) ' /proc/${call.process.pid}/mountinfo`,
  };
}
