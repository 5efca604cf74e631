import { closeSync } from "node:fs";
import { LibbpfError } from "./errors.js";
import { theLibrary } from "./libbpf.js";

/**
 * Makes the kernel count the runs of all its programs until the result is disposed of; costs every run some
 * tens of nanoseconds. BPF_ENABLE_STATS, kernel 5.8. Throws LIBBPF_INFO.
 */
export function enableStats(): Disposable {
  const BPF_STATS_RUN_TIME = 0;
  const fd = theLibrary().functions.enable_stats(BPF_STATS_RUN_TIME);
  if (fd < 0) throw new LibbpfError("LIBBPF_INFO", "turning on run-time statistics", { errno: fd });
  let open = true;
  return {
    [Symbol.dispose](): void {
      if (open) closeSync(fd);
      open = false;
    },
  };
}
