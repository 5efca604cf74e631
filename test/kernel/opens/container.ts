import { spawn } from "node:child_process";
import { once } from "node:events";
import type { SyscallEvent } from "../../../src/event.js";
import { buildProgram } from "../../programs/build.js";
import type { Agent } from "../capture/agent.js";

/** test/programs/opens.c */
export const opens = buildProgram("opens.c");

/** A container of its own: a pid namespace and a mount namespace, with the host's files and the host's procfs in it. */
export const CONTAINER: readonly string[] = ["unshare", "--mount", "--pid", "--fork"];

export interface Opened {
  /** What came of each, as the program says it: `open 3`, `open -13`. */
  readonly results: readonly string[];
  /** Those of its calls that the agent told with a file. */
  readonly events: readonly SyscallEvent[];
}

export interface OpenOptions {
  /** What it is started with; a container's processes by default. */
  readonly under?: readonly string[];
  /** Its descriptors from 3 on. */
  readonly fds?: readonly number[];
}

/**
 * Runs test/programs/opens.c with `words`, and waits until the agent has told all that there is to tell. One at a time.
 */
export async function open(
  agent: Agent,
  words: readonly string[],
  { under = CONTAINER, fds = [] }: OpenOptions = {},
): Promise<Opened> {
  const before = agent.events.length;
  const [program, ...args] = [...under, opens, ...words];
  const child = spawn(program!, args, { stdio: ["pipe", "pipe", "inherit", ...fds] });
  const closed = once(child, "close");
  let text = "";
  child.stdout!.setEncoding("utf8").on("data", (data: string) => {
    text += data;
  });
  const calls = () =>
    agent.events
      .slice(before)
      .filter((event): event is SyscallEvent => event.type === "syscall" && event.process.exe === opens);
  await agent.until("the last call", () =>
    calls().some(({ syscall, ret }) => syscall === "setns" && ret === -9),
  );
  // until now it was there to be looked at
  child.stdin!.end();
  const [status] = (await closed) as [number | null];
  if (status !== 0) throw new Error(`${[...under, "opens", ...words].join(" ")}: status ${status}`);
  return {
    results: text.trim().split("\n"),
    events: calls().filter(({ file }) => file !== undefined),
  };
}

/** Waits until the agent has read the catalogue: what is opened before is not told. */
export async function untilWatching(agent: Agent): Promise<void> {
  for (;;) {
    const { events } = await open(agent, ["open", "/proc/kallsyms", "r"]);
    if (events.length > 0) return;
  }
}
