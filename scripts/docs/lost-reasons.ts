import { LOST_REASONS, type LostReason } from "../../src/publish/lost.js";
import { code, table } from "./page.js";

const MEANINGS: Readonly<Record<LostReason, string>> = {
  "ring-full": "the kernel found no room in the ring buffer: the agent was too slow. See `ring.size`",
  "ring-full-tasks":
    "the same for a record of fork, exec or exit: no event is missing, and an inventory finds what it would have told",
  "ring-full-strings":
    "the same for what the kernel holds of a call's strings, in attach mode `fentry`: the call is told with those of user memory",
  "buffers-taken":
    "more calls were interrupted on one processor at once than have a buffer, in attach mode `fentry`",
  "summary-full":
    "a failed call beyond the rate of its workload, when more processes were to be summed up than fit into the table. See `limits.rate`",
  "opens-limit":
    "a catalogued file that a container opened, beyond the rate of its workload: opens for writing, for reading and of files on mounts of others have a rate each. See `limits.rate`",
  "workload-limit":
    "a call of a workload beyond its rate, while the ring or the queue of stdout was more than half full: so that no other workload loses any. See `limits.rate`",
  "clone-table-full": "a clone that made namespaces, while more of them than any node has were under way",
  "record-size": "a record that was longer than the longest: a defect of Keyhole",
  recursion: "the kernel skipped a program because a BPF program was running on that CPU already",
  decode: "a record could not be told: a defect of Keyhole, its log says more",
  stop: "the agent was told to end while more waited in the ring than it could publish in time",
  "stdout-queue": "the reader of stdout was too slow, or stdout could not be written",
  "record-queue":
    "lines of the recording, because the disk was too slow; none is missing elsewhere. See [recordings](recording.md)",
  "record-error": "lines of the recording, because the file could not be written: the log has the errno",
  "record-full": "lines of the recording, because it has reached `--record-max`",
  "record-value": "lines of the recording that cannot be written down: a defect of Keyhole",
};

/** Why events are lost, as the agent counts it. */
export function lostReasons(): string {
  return table(
    ["Reason", "What happened"],
    LOST_REASONS.map((reason) => [code(reason), MEANINGS[reason]]),
  );
}
