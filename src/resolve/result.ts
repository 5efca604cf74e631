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

/** How a call ended, beside the value that the kernel returned. */
export interface Ending {
  /** Seccomp ended the call, which has no result then. */
  readonly sigsys: boolean;
  /** The caller was killed in it: the error is of a call that was cut short, and nobody received it. */
  readonly killed: boolean;
}

/** What the value that the kernel returned means. */
export function describeResult(value: bigint, { sigsys, killed }: Ending): Result {
  if (sigsys) return { ret: null, outcome: { seccomp: "SECCOMP_RET_TRAP or SECCOMP_RET_KILL" } };
  const ret = Number(value);
  if (ret >= 0) return { ret };
  const restart = RESTARTS[-ret];
  if (killed) return { ret: null, outcome: { killed: restart ?? errnoName(-ret) } };
  if (restart !== undefined) return { ret: null, outcome: { restarted: restart } };
  return { ret, errno: errnoName(-ret) };
}
