import { LOST_REASONS, type LostReason } from "../../src/publish/lost.js";
import { code, table } from "./page.js";

const MEANINGS: Readonly<Record<LostReason, string>> = {
  "ring-full": "the kernel found no room in the ring buffer: the agent was too slow. See `ring.size`",
  recursion: "the kernel skipped a program because a BPF program was running on that CPU already",
  decode: "a record could not be told: a defect of Keyhole, its log says more",
  stop: "the agent was told to end while more waited in the ring than it could publish in time",
  "stdout-queue": "the reader of stdout was too slow, or stdout could not be written",
};

/** Why events are lost, as the agent counts it. */
export function lostReasons(): string {
  return table(
    ["Reason", "What happened"],
    LOST_REASONS.map((reason) => [code(reason), MEANINGS[reason]]),
  );
}
