import koffi from "koffi";
import type { Agent } from "../kernel/capture/agent.js";

const libc = koffi.load(null);
const setns: (fd: number, nstype: number) => number = libc.func("setns", "int", ["int", "int"]);
const unshare: (flags: number) => number = libc.func("unshare", "int", ["int"]);

/**
 * Waits until `agent` has published all that happened before: this process makes a call that fails and one that
 * succeeds and changes nothing, and waits for both.
 */
export async function settle(agent: Agent): Promise<void> {
  let looked = agent.events.length;
  const missing = new Set(["setns", "unshare"]);
  setns(-1, 0);
  if (unshare(0) !== 0) throw new Error("unshare(0) failed");
  await agent.until("the marks that follow the command", () => {
    for (; looked < agent.events.length; looked++) {
      const event = agent.events[looked];
      if (event?.type === "syscall" && event.process.tid === process.pid) missing.delete(event.syscall);
    }
    return missing.size === 0;
  });
}
