import type { Outcome } from "../event.js";
import { errnoName } from "../kernel/errno.js";

export interface Result {
  readonly ret: number | null;
  readonly errno?: string;
  readonly outcome?: Outcome;
}

/** include/linux/errno.h: never seen by user space, the kernel restarts the call or makes it EINTR. */
const RESTARTS: Readonly<Record<number, string>> = {
  512: "ERESTARTSYS",
  513: "ERESTARTNOINTR",
  514: "ERESTARTNOHAND",
  516: "ERESTART_RESTARTBLOCK",
};

/** What the value that the kernel returned means. `sigsys`: seccomp ended the call, which has no result then. */
export function describeResult(value: bigint, sigsys: boolean): Result {
  if (sigsys) return { ret: null, outcome: { seccomp: "SECCOMP_RET_TRAP or SECCOMP_RET_KILL" } };
  const ret = Number(value);
  if (ret >= 0) return { ret };
  const restart = RESTARTS[-ret];
  if (restart !== undefined) return { ret: null, outcome: { restarted: restart } };
  return { ret, errno: errnoName(-ret) };
}
