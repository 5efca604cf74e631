import type { SyscallEvent } from "../../src/event.js";
import type { Agent } from "../kernel/capture/agent.js";
import { type Comparison, compare } from "./compare.js";
import { settle } from "./marker.js";
import { type Recording, type RecordingOptions, record } from "./recording.js";
import { expectedCalls } from "./shapes.js";

/** What the agent must be told so that it publishes every call of its own, also of a flood. */
export const AGENT_OPTIONS = ["--limits-rate", "0", "--opens", "off"];

/** One command, seen by strace and by the agent at once. */
export interface Observation {
  readonly recording: Recording;
  /** What the agent published about the threads that strace followed, in its order. */
  readonly events: readonly SyscallEvent[];
  /** How many records the agent said it lost meanwhile, of whichever process. */
  readonly lost: number;
  readonly comparison: Comparison;
}

/** Runs `command` to its end below strace while `agent` watches, and compares what both saw. */
export async function observe(
  agent: Agent,
  command: readonly string[],
  options: RecordingOptions,
): Promise<Observation> {
  // Ids of threads come around: what was published before is not about this command.
  const from = agent.events.length;
  const recording = await record(command, options);
  await settle(agent);
  const published = agent.events.slice(from);
  const events = published.filter(
    (event): event is SyscallEvent => event.type === "syscall" && recording.threads.has(event.process.tid),
  );
  const lost = published.reduce((sum, event) => sum + (event.type === "lost" ? event.count : 0), 0);
  return { recording, events, lost, comparison: compare(expectedCalls(recording.calls), events) };
}
