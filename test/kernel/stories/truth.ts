import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import type { MountState, ProcfsState, StoryEvent, SyscallEvent } from "../../../src/event.js";
import type { Agent } from "../capture/agent.js";
import { settle } from "./settle.js";

/** What a program read from statmount(2) after its mount(2): see print_mount() of test/programs/newest.h. */
export interface Truth {
  readonly id: string;
  readonly oldId: number;
  readonly dev: string;
  readonly attributes: number;
  readonly type: string;
  readonly source: string;
  readonly point: string;
  readonly options: readonly string[];
}

export function parseTruth(line: string): Truth {
  const [id, oldId, dev, attributes, type, source, point, options = ""] = line.split(" ") as string[];
  return {
    id: id!,
    oldId: Number(oldId),
    dev: dev!,
    attributes: Number.parseInt(attributes!, 16),
    type: type!,
    source: source!,
    point: point!,
    options: options.split(",").sort(),
  };
}

/** Whether the outcome or the ending of a story says anything that is not so. */
export function assertTrue(mount: MountState, procfs: ProcfsState | undefined, truth: Truth): void {
  assert.equal(mount.id, truth.id);
  assert.equal(mount.old_id, truth.oldId);
  assert.equal(mount.dev, truth.dev);
  assert.equal(mount.fs_type, truth.type);
  assert.equal(mount.mountpoint, truth.point);
  assert.equal(mount.options.includes("nosuid"), (truth.attributes & 2) !== 0);
  assert.equal(procfs !== undefined, truth.type === "proc");
  if (procfs === undefined) return;
  assert.equal(procfs.dev, truth.dev);
  const options = [
    ...(procfs.gid === 0 ? [] : [`gid=${procfs.gid}`]),
    ...(procfs.hidepid === "off" ? [] : [`hidepid=${procfs.hidepid}`]),
  ];
  assert.deepEqual(options, truth.options);
}

/** Runs a program in a mount namespace of its own until it has ended well; its process and the lines it wrote. */
export async function runProgram(command: readonly string[]): Promise<{ pid: number; lines: string[] }> {
  const child = spawn("unshare", ["--mount", ...command], { stdio: ["ignore", "pipe", "inherit"] });
  const exited = once(child, "exit") as Promise<[number | null]>;
  let text = "";
  for await (const chunk of child.stdout!.setEncoding("utf8")) text += chunk;
  assert.equal((await exited)[0], 0);
  return { pid: child.pid!, lines: text.trimEnd().split("\n") };
}

/** The calls of mount(2) by process `pid`, or its children, that `is` is true of; with the story of each. */
export async function mountsOf(
  agent: Agent,
  pid: number,
  is: (call: SyscallEvent) => boolean,
): Promise<{ call: SyscallEvent; story: StoryEvent }[]> {
  await settle(agent);
  const stories = new Map<string, StoryEvent>();
  for (const event of agent.events)
    if (event.type === "story") stories.set(`${event.process.tid} ${event.began}`, event);
  const calls = agent.syscalls(
    (call) => call.syscall === "mount" && [call.process.pid, call.process.ppid].includes(pid) && is(call),
  );
  return calls.map((call) => {
    const story = stories.get(`${call.process.tid} ${call.time}`);
    assert.ok(story !== undefined);
    return { call, story };
  });
}
