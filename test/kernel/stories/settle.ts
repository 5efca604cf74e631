import { spawnSync } from "node:child_process";
import type { KeyholeEvent } from "../../../src/event.js";
import type { Agent } from "../capture/agent.js";

/**
 * Waits for an event that `is` is true of. What has been asked once is not asked again: Agent.until() alone would look
 * at all events after each.
 */
async function untilEvent(agent: Agent, what: string, is: (event: KeyholeEvent) => boolean): Promise<void> {
  let [asked, found] = [0, false];
  await agent.until(what, () => {
    for (; !found && asked < agent.events.length; asked++) found = is(agent.events[asked]!);
    return found;
  });
}

/** Waits until all that has happened so far has been told; `command` makes a call that can be seen. */
export async function settle(
  agent: Agent,
  [program, ...args]: readonly [string, ...string[]] = ["unshare", "--uts", "true"],
): Promise<void> {
  const { pid } = spawnSync(program, args);
  await untilEvent(agent, "a last call", (event) => event.type === "syscall" && event.process.pid === pid);
}
