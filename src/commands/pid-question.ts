import { KeyholeError } from "../errors.js";
import { quoted } from "../publish/neutral.js";

/** What `keyhole pid` is asked: about a pid of the host, or about one inside a pid namespace. */
export interface PidQuestion {
  /** As it was written. */
  readonly asked: string;
  readonly pid: number;
  /** What the pid namespace is called; null: the host's. */
  readonly ns: string | null;
}

/** PID_MAX_LIMIT of include/linux/threads.h. */
const MAX_PID = 4_194_304;

/** Reads `PID` and `PID@NS`. Throws KEYHOLE_PID_ARGUMENT. */
export function parsePidQuestion(asked: string): PidQuestion {
  const match = /^(\d+)(?:@(.+))?$/s.exec(asked);
  const pid = Number(match?.[1]);
  if (match === null || pid < 1 || pid > MAX_PID) {
    throw new KeyholeError(`${quoted(asked)} is no process id`, {
      code: "KEYHOLE_PID_ARGUMENT",
      expected: `PID or PID@NAMESPACE, with a pid from 1 to ${MAX_PID}`,
      found: quoted(asked),
      hint: "as 812, 37@4026532570, 37@70df0a1b2c3d or 37@@812; `keyhole pid --help` says what a namespace can be",
    });
  }
  return { asked, pid, ns: match[2] ?? null };
}
