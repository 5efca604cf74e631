import { spawn } from "node:child_process";
import type { BpfLink, BpfObject } from "@keyhole/libbpf";

/** The first descriptor after those of standard input, output and error. */
const FIRST_FREE = 3;

/** Sets `stopped` of bpf/entry.h: from now on the programs of trampolines record nothing. */
export function stopRecording(object: BpfObject): void {
  object.map(".data.stop").update(new Uint8Array(4), new Uint8Array(Uint32Array.of(1).buffer));
}

/**
 * Detaches programs of trampolines without waiting for it. From Linux 5.11 to 6.12 taking the last program off a
 * function waits for a grace period of RCU tasks, a tenth of a second, one function after the other; a process that
 * ends with its links open waits for all of them. Here a child holds the links, and does nothing but end.
 */
export function detachLater(links: Iterable<BpfLink>): void {
  const all = [...links];
  if (all.length === 0) return;
  const inherited = all.map(({ fd }) => fd);
  const child = spawn(process.execPath, ["--eval", ""], {
    stdio: [...new Array<"ignore">(FIRST_FREE).fill("ignore"), ...inherited],
    env: {},
    detached: true,
  });
  // Where no process can be started, closing them below detaches them here.
  child.on("error", () => {});
  child.unref();
  for (const link of all) link.detach();
}
